"""The command that has observations made again."""

from __future__ import annotations

from typing import Annotated

import typer

from mta_assets.cli.common import JsonOption, MissionOption, platform, print_json, print_table
from mta_assets.core.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add ``reprocess``."""
    app.command()(reprocess)


def reprocess(
    observations: Annotated[list[str] | None, typer.Argument(help="Observation intervals, 28229_000.")] = None,
    stale: Annotated[bool, typer.Option("--stale", help="All that have stale products.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which, ask for nothing.")] = False,
    mission: MissionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have observations made again: ask the running Dagster for a backfill; new versions stand beside the old ones."""
    from mta_assets.pipelines.stale import by_partition
    from mta_assets.pipelines.stale import stale as stale_products

    if bool(observations) == stale:
        raise typer.BadParameter("say either which observations, or --stale")
    chosen = platform(mission)
    complete = {entry.partition: entry for entry in chosen.catalog.obis() if entry.complete}
    unknown = [key for key in observations or [] if key not in complete]
    if unknown:
        raise ConfigError(f"no complete observation {', '.join(unknown)}; `mta observations` lists them")
    because = by_partition(stale_products(chosen))
    keys = sorted(key for key in (because if stale else observations or ()) if key in complete)
    rows = [
        {"observation": key, "because": "; ".join(dict.fromkeys(t for one in because.get(key, ()) for t in one.roots))}
        for key in keys
    ]
    backfill = None
    if keys and not dry_run:
        from mta_assets.defs.reprocess import ask, open_instance

        reasons = dict.fromkeys(row["because"] for row in rows if row["because"])
        with open_instance() as instance:
            products = [one.product for some in because.values() for one in some] if stale else None
            backfill = ask(instance, chosen, keys, "; ".join(reasons) or "asked for by hand", products)
    if as_json:
        print_json({"backfill": backfill, "observations": rows})
        return
    print_table("Observations to be made again", rows)
    if backfill:
        typer.echo(f"asked for as backfill {backfill}; the Dagster of this instance runs it")
