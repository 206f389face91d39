from __future__ import annotations

from xml.etree import ElementTree

import pytest

from garcom.report_page.environment import readable
from garcom.report_page.svg import bar, dot, joined, line, path, picture, round_steps, text

HOSTILE = "</svg><script>alert(1)</script>&\"'"


def test_a_picture_is_well_formed_whatever_it_is_told() -> None:
    inside = joined(
        [
            bar(0, 0, 1, 2, HOSTILE, "now"),
            line(0, 0, 1, 1),
            text(0, 0, HOSTILE),
            path([(0, 0), (1.25, 2)], "band", closed=True),
            dot(1, 1, HOSTILE),
        ]
    )
    drawn = ElementTree.fromstring(picture(10, 5, HOSTILE, inside, HOSTILE))
    assert [element.tag for element in drawn.iter()] == [
        "svg", "desc", "rect", "title", "line", "text", "path", "circle", "title",
    ]  # fmt: skip
    assert drawn.get("aria-label") == HOSTILE
    assert [element.text for element in drawn.iter("title")] == [HOSTILE, HOSTILE]
    assert drawn.find("path").get("d") == "M0,0 1.2,2Z"  # type: ignore[union-attr]


def test_a_path_without_points_is_nothing() -> None:
    assert path([], "line") == ""


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.62, 0.81, [0.65, 0.7, 0.75, 0.8]),
        (0.0, 95.0, [0.0, 20.0, 40.0, 60.0, 80.0]),
        (-3.0, 3.0, [-2.0, 0.0, 2.0]),
        (5.0, 5.0, [5.0]),
        (float("nan"), 1.0, [float("nan")]),
    ],
)
def test_marks_of_an_axis_are_round(low: float, high: float, steps: list[float]) -> None:
    assert round_steps(low, high) == pytest.approx(steps, nan_ok=True)


def test_what_xml_has_no_place_for_is_replaced() -> None:
    assert readable("a\x00b\x0bc\ud800d\ufffee\tf\U0001f377") == "a\ufffdb\ufffdc\ufffdd\ufffde\tf\U0001f377"
