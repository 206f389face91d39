"""Models, their versions and what is known of them."""

from garcom.registry.records import Model, Removal, Summary, Version
from garcom.registry.registry import Registry

__all__ = ["Model", "Registry", "Removal", "Summary", "Version"]
