"""The code location: what ``dagster dev`` loads. ``MTA_MISSION`` and ``MTA_DATA`` choose mission and folder."""

from mta_assets.defs.build import build_definitions
from mta_assets.settings import Settings

defs = build_definitions(Settings())
