"""Catalogs: the zoo, and a user's own."""

import os
from pathlib import Path

import pytest
import yaml

from harness.cli import main
from harness.commands.list import command as list_command
from harness.commands.run import command as run_command
from harness.commands.show import command as show_command
from harness.errors import ConfigError
from harness.jobs.config import RunConfig, load_config
from harness.jobs.plan import make_plan
from harness.system.processes import Pool
from tests.commands.invoke import invoke
from variants.build import build
from variants.catalog import (
    IN_USE,
    get_variant,
    known_models,
    list_catalogs,
    list_models,
    use_catalogs,
)
from variants.errors import UnknownNameError, VariantError
from variants.outline import list_outlines
from variants.registry import get_upsampler, list_upsamplers, options_of

MINE = {
    "mine": {
        "label": "Mine",
        "backbone": "ms-lapsrn",
        "backbone_options": {"width": 4, "depth": 2, "recursions": 1},
        "upsampler": "tied",
        "upsampler_options": {"conv": 2},
        "source": "a test",
    }
}


@pytest.fixture(autouse=True)
def _none_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test takes into use, the next one does not see."""
    monkeypatch.setenv(IN_USE, "")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(MINE), "utf-8")
    return path


def test_all_are_those_of_the_catalogs_in_use(mine: Path) -> None:
    first = list_models()
    assert len(first) == 10
    use_catalogs(["zoo"])
    zoo = list_models()
    assert zoo[:10] == first
    assert len(zoo) > 30
    use_catalogs([mine])
    assert list_models() == [*zoo, "mine"]
    assert RunConfig().variants == tuple(list_models())


def test_a_name_of_the_zoo_is_known_without_asking() -> None:
    assert "ms-lapsrn-carafe" not in list_models()
    assert get_variant("ms-lapsrn-carafe").upsampler == "carafe"
    assert RunConfig(variants=("ms-lapsrn-carafe",)).variants == ("ms-lapsrn-carafe",)


def test_every_variant_has_options_that_its_upsampler_knows() -> None:
    used = {variant.upsampler for variant in map(get_variant, known_models())}
    assert used - {None} <= {one.name for one in list_outlines()} <= set(list_upsamplers())
    assert len(used) > 18
    for variant in map(get_variant, known_models()):
        if variant.upsampler is not None:
            assert set(variant.upsampler_options) <= set(
                options_of(get_upsampler(variant.upsampler))
            )
            build(variant, 2)


def test_catalogs_do_not_change_the_ids_of_other_jobs() -> None:
    def ids() -> list[str]:
        config = RunConfig(variants=("ms-lapsrn", "cms-lapsrn-conv3"), only=("cost",))
        return [job.id.rpartition("-")[2] for job in make_plan(config).jobs]

    before = ids()
    use_catalogs(["zoo"])
    assert ids() == before


def test_architectures_that_records_hold_stay() -> None:
    assert get_variant("cms-lapsrn-conv3").architecture(4) == {
        "backbone": "ms-lapsrn",
        "backbone_options": {"width": 64, "depth": 5, "recursions": 2},
        "upsampler": "tied",
        "upsampler_options": {"conv": 3, "bias": "own"},
        "crop": "last",
    }


def test_other_processes_know_a_users_variants(mine: Path) -> None:
    use_catalogs([mine])
    with Pool(1) as pool:
        assert pool.submit(get_variant, "mine").result() == get_variant("mine")


def test_commands_take_a_catalog(mine: Path, tmp_path: Path) -> None:
    shown = invoke(list_command, "--catalog", mine)
    assert "mine" in shown.output
    assert "--catalog zoo" in shown.output
    shown = invoke(show_command, "mine", "--catalog", mine, "--scale", "2")
    assert "TiedUpsampler" in shown.output
    results = tmp_path / "r"
    done = invoke(
        run_command,
        *("--catalog", mine, "--variants", "mine", "--baseline", "mine"),
        *("--only", "cost", "--scales", "2", "--results", results),
    )
    assert done.return_value == 0, done.output
    assert list(results.rglob("cost-mine-2x-*.json"))


def test_a_configuration_file_takes_a_catalog(mine: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"catalog: {mine}\nvariants: mine, ms-lapsrn-nearest\n", "utf-8")
    config = load_config(path, {})
    assert config.variants == ("mine", "ms-lapsrn-nearest")
    assert config.catalog == (str(mine),)
    assert os.environ[IN_USE] == str(mine)
    path.write_text("catalog: nowhere.yaml\n", "utf-8")
    with pytest.raises(ConfigError, match=r"cannot read catalog .*nowhere\.yaml"):
        load_config(path, {})


BAD = {
    "no mapping": ("- a\n- b\n", "must map names"),
    "empty": ("", "must map names"),
    "no yaml": ("a: [1", "cannot be read: ParserError"),
    "a tag of another kind": ("a: !!bool maybe", "cannot be read: KeyError"),
    "no time": ("a: !!timestamp x", "cannot be read: AttributeError"),
    "deep": ("a: " + 2000 * "[" + 2000 * "]", "cannot be read: RecursionError"),
    "aliases of aliases": (
        "a: &a {x: 1, y: 1, z: 1}\n"
        + "".join(
            f"b{i}: &b{i} [{', '.join(['*' + (f'b{i - 1}' if i else 'a')] * 9)}]\n"
            for i in range(9)
        ),
        "more than 20,000 values",
    ),
    "a row is text": ("a: text\n", "must be a mapping"),
    "an unknown key": ("a: {label: A, backbone: ms-lapsrn, source: s, colour: red}\n", "colour"),
    "no label": ("a: {backbone: ms-lapsrn, source: s}\n", "label must be given"),
    "a number for text": ("a: {label: 3, backbone: bicubic, source: s}\n", "label must be text"),
    "an unknown backbone": (
        "a: {label: A, backbone: edsr, source: s}\n",
        "unknown backbone 'edsr'",
    ),
    "an unknown upsampler": (
        "a: {label: A, backbone: ms-lapsrn, source: s, upsampler: carafes}\n",
        "Did you mean carafe",
    ),
    "options that are a list": (
        "a: {label: A, backbone: ms-lapsrn, source: s, backbone_options: [1]}\n",
        "backbone_options must be a mapping",
    ),
    "options without names": (
        "a: {label: A, backbone: ms-lapsrn, source: s, upsampler_options: {1: 2}}\n",
        "must be text",
    ),
    "a label of no words": ("x: {label: '', backbone: ms-lapsrn, source: s}\n", "a label is text"),
    "a name with a slash": ("a/b: {label: A, backbone: ms-lapsrn, source: s}\n", "a name is text"),
    "a name that is a number": (
        "1: {label: A, backbone: bicubic, source: s}\n",
        "a name is text",
    ),
    "a taken name": ("lapsrn: {label: A, backbone: ms-lapsrn, source: s}\n", "already in"),
    "a name of the zoo": (
        "ms-lapsrn-carafe: {label: A, backbone: ms-lapsrn, source: s}\n",
        "already in zoo",
    ),
    "an alias to itself": ("a: &a {label: *a}\n", "catalog"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_a_bad_catalog_is_a_sentence_and_changes_nothing(
    content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content, "utf-8")
    before = list_models()
    with pytest.raises(VariantError) as caught:
        use_catalogs([path])
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list_models() == before


def test_a_bad_catalog_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list", "--catalog", str(tmp_path / "none.yaml")])
    assert caught.value.code == 2
    assert "Error: cannot read catalog" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["zooo", "", "catalog", "a\0b"])
def test_an_unknown_catalog_is_a_sentence(name: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown catalog"):
        use_catalogs([name])


def test_places_without_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("folder.yaml", "none.yaml", "bytes.yaml", f"{'x' * 300}.yaml"):
        with pytest.raises(VariantError, match="catalog"):
            use_catalogs([tmp_path / name])


def test_an_unlisted_scale_is_a_sentence(tmp_path: Path) -> None:
    path, row = tmp_path / "c.yaml", dict(MINE["mine"], backbone_options={"depth": {2: 1}})
    path.write_text(yaml.safe_dump({"mine": row}), "utf-8")
    use_catalogs([path])
    with pytest.raises(VariantError, match="mine: depth has no value for 4x"):
        get_variant("mine").architecture(4)


def test_the_zoo_ships() -> None:
    assert list_catalogs() == ["zoo"]
