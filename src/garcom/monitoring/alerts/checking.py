"""Whether the settings of alerts are right, before a server starts with them."""

from __future__ import annotations

from garcom.monitoring.alerts.destinations import destinations, signing_secret
from garcom.monitoring.alerts.rule_book import configured_rules
from garcom.settings import AlertSettings


def check_settings(settings: AlertSettings) -> None:
    """Raises SettingsError for a rule that cannot be read, and for an address that nothing can be sent to."""
    configured_rules(settings)
    signing_secret(settings)
    found = destinations(settings)
    if found:
        from garcom.monitoring.alerts.post_office import check

        check(found)
