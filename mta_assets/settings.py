"""Every setting of the platform, in one place: environment variables ``MTA_*`` or a ``.env`` file.

``mta settings`` prints them with their values; docs/settings.md lists them.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mta_assets.missions.load import Mission, load_mission


class Settings(BaseSettings):
    """Settings with their defaults; an environment variable ``MTA_DATA`` sets ``data`` and so on."""

    model_config = SettingsConfigDict(env_prefix="MTA_", env_file=".env", extra="ignore")

    mission: str = Field(default="chandra", description="name of a built-in mission, or the path of a mission folder")
    data: Path = Field(default=Path("data"), description="folder that holds everything the platform writes")
    catalog_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the catalog; SQLite in the mission's data folder if not set"
    )
    poll_seconds: int = Field(default=2, ge=1, description="how often the incoming folder is looked at [s]")
    settle_seconds: float = Field(
        default=1.0, ge=0, description="a file without checksum must not have changed for so long [s]"
    )
    retries: int = Field(default=3, ge=0, description="how often a transient fault is retried")

    @cached_property
    def loaded_mission(self) -> Mission:
        return load_mission(self.mission)

    @property
    def root(self) -> Path:
        """Everything of this mission: DATA/MISSION."""
        return self.data.resolve() / self.loaded_mission.name

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def playbacks(self) -> Path:
        """Accepted playbacks, by their own name."""
        return self.root / "playbacks"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def archive(self) -> Path:
        """Archival products (stream sdp)."""
        return self.root / "archive"

    @property
    def temporary(self) -> Path:
        """Quick-look products (stream sap), superseded by archival ones."""
        return self.root / "temporary"

    @property
    def telemetry(self) -> Path:
        """Segments of the telemetry archive."""
        return self.root / "telemetry"

    @property
    def database_url(self) -> str:
        return self.catalog_url or f"sqlite:///{self.root / 'catalog.sqlite'}"
