from __future__ import annotations

import time
import uuid

from garcom.ids import uuid7s, uuid7s_at


def test_they_are_uuids_of_version_7() -> None:
    for text in uuid7s(1000):
        found = uuid.UUID(text)
        assert str(found) == text
        assert found.version == 7
        assert found.variant == uuid.RFC_4122


def test_no_two_are_alike() -> None:
    assert len(set(uuid7s(100_000))) == 100_000


def test_they_carry_the_time_and_sort_by_it() -> None:
    before = time.time_ns() // 1_000_000
    first = uuid7s(1)[0]
    time.sleep(0.002)
    second = uuid7s(1)[0]
    after = time.time_ns() // 1_000_000
    assert before <= uuid.UUID(first).int >> 80 < uuid.UUID(second).int >> 80 <= after
    assert first < second


def test_every_random_bit_varies() -> None:
    found = [uuid.UUID(text).int for text in uuid7s(2000)]
    ever, always = 0, -1
    for number in found:
        ever |= number
        always &= number
    random_bits = (2**12 - 1) << 64 | (2**62 - 1)
    assert ever & random_bits == random_bits
    assert always & random_bits == 0


def test_none_at_all() -> None:
    assert uuid7s(0) == []


def test_what_happened_before_has_ids_of_its_own_time() -> None:
    moments = [1_700_000_000_000, 0, 1_700_000_000_000]
    found = [uuid.UUID(text) for text in uuid7s_at(moments)]
    assert [each.int >> 80 for each in found] == moments
    assert {each.version for each in found} == {7}
    assert len(set(found)) == 3
    assert uuid7s_at([]) == []
