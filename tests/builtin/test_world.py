"""The embedded drawings and their labels."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nbdissect.builtin.color_names import COLOR_NAMES, name_colors
from nbdissect.builtin.world import World
from nbdissect.builtin.world.canvas import Canvas
from nbdissect.builtin.world.dice import Dice
from nbdissect.builtin.world.things import THINGS
from nbdissect.builtin.world.vocabulary import CATEGORIES, CONCEPTS, NUMBER, OBJECTS, SCENES, TEXTURES
from nbdissect.types import ConceptData

# which objects a part may belong to; every labelled part pixel must lie in one of them
_WHOLES = {
    "tree crown": {"tree"}, "tree trunk": {"tree", "fir", "palm"}, "palm leaf": {"palm"},
    "blossom": {"flower", "cactus"}, "mushroom cap": {"mushroom"},
    "house roof": {"house"}, "house door": {"house"}, "house window": {"house"}, "chimney": {"house"},
    "skyscraper window": {"skyscraper"}, "windmill blade": {"windmill"}, "lamp head": {"street lamp", "lighthouse"},
    "wheel": {"car", "train", "tractor"}, "car window": {"car"}, "train window": {"train"},
    "sail": {"boat"}, "hull": {"boat"}, "aeroplane wing": {"aeroplane"},
    "person head": {"person"}, "person torso": {"person"}, "person legs": {"person"},
    "cow head": {"cow"}, "bird wing": {"bird"}, "fish tail": {"fish"}, "snowman hat": {"snowman"},
    "sofa cushion": {"sofa"}, "chair back": {"chair"}, "table leg": {"table"}, "lamp shade": {"lamp"},
    "pillow": {"bed"}, "oven door": {"stove"},
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def labels(world: World) -> dict[str, np.ndarray]:
    """Per category, the masks of all images, uint16 [images, 64, 64]."""
    return {c: np.stack([world[i].masks[c][0] for i in range(len(world))]) for c in world[0].masks}


def test_is_concept_data(world: World) -> None:
    assert isinstance(world, ConceptData)
    assert world.categories == ("color", "object", "part", "material", "scene", "texture") == CATEGORIES
    numbers = [concept.number for concept in world.concepts]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert world.image_size == (128, 128)
    assert world.drawings is True
    assert repr(world).startswith("World: 560 drawings of 20 scenes")


def test_names_are_unique_within_a_category(world: World) -> None:
    assert len({(c.category, c.name) for c in world.concepts}) == len(world.concepts)


def test_a_sample(world: World) -> None:
    sample = world[7]
    assert sample.image.mode == "RGB"
    assert sample.image.size == (128, 128)
    assert sample.shape == (64, 64)
    assert sample.whole == {"scene": (NUMBER["scene", SCENES[7]],)}
    for mask in sample.masks.values():
        assert mask.shape == (1, 64, 64)
        assert mask.dtype == np.uint16


def test_the_same_seed_and_index_give_the_same_drawing_in_any_order() -> None:
    forwards, backwards = World(n=40), World(n=60)
    order = list(range(40))
    first = {i: forwards[i] for i in order}
    second = {i: backwards[i] for i in reversed(order)}
    for i in order:
        assert first[i].image.tobytes() == second[i].image.tobytes()
        for category, mask in first[i].masks.items():
            np.testing.assert_array_equal(mask, second[i].masks[category])


def test_seeds_and_splits_differ() -> None:
    images = {
        (s, seed): World(n=20, seed=seed, split=s)[3].image.tobytes()
        for s in ("probe", "train", "test")
        for seed in (0, 1)
    }
    assert len(set(images.values())) == len(images)


def test_threads_get_what_one_thread_gets() -> None:
    alone = World(n=60)
    shared = World(n=60)
    order = [i for i in range(60) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda i: (i, shared[i]), order))
    for i, sample in drawn:
        assert sample.image.tobytes() == alone[i].image.tobytes()
        assert all((sample.masks[c] == alone[i].masks[c]).all() for c in sample.masks)


def test_a_world_travels_to_another_process_without_its_drawings() -> None:
    world = World(n=20, seed=3)
    before = world[4].image.tobytes()
    packed = pickle.dumps(world)
    assert len(packed) < 1000
    assert pickle.loads(packed)[4].image.tobytes() == before


def test_finished_drawings_are_kept_and_take_little_memory(world: World) -> None:
    drawn = [world._drawn[i] for i in range(len(world)) if world[i]]
    assert sum(pixels.nbytes + labels.nbytes for pixels, labels in drawn) < 60e6
    assert world[3].image.tobytes() == drawn[3][0].tobytes()


def test_a_sample_can_be_changed_without_changing_the_next() -> None:
    world = World(n=20)
    before = world[0].image.tobytes()
    sample = world[0]
    sample.image.paste((255, 0, 0), (0, 0, 128, 128))
    sample.masks["object"][:] = 0
    assert world[0].image.tobytes() == before
    assert world[0].masks["object"].any()


def test_color_labels_are_the_names_of_the_pixels(world: World) -> None:
    for i in range(0, len(world), 29):
        sample = world[i]
        named = name_colors(np.asarray(sample.image.reduce(2)))
        expected = np.array([NUMBER["color", name] for name in COLOR_NAMES])[named]
        np.testing.assert_array_equal(sample.masks["color"][0], expected)


def test_parts_lie_within_their_objects(labels: dict[str, np.ndarray]) -> None:
    names = {NUMBER["object", name]: name for name in ("", *OBJECTS)}
    for part, wholes in _WHOLES.items():
        under = np.unique(labels["object"][labels["part"] == NUMBER["part", part]])
        assert {names[int(number)] for number in under} <= wholes, part
    assert set(_WHOLES) == {concept.name for concept in CONCEPTS if concept.category == "part"}


def test_masks_hold_only_numbers_of_their_category(labels: dict[str, np.ndarray]) -> None:
    for category, masks in labels.items():
        allowed = {0} | {concept.number for concept in CONCEPTS if concept.category == category}
        assert set(np.unique(masks).tolist()) <= allowed


def test_scenes_are_balanced_and_within_reach(world: World) -> None:
    counts = np.bincount([world.scene(i) for i in range(len(world))])
    counts = counts[counts > 0]
    assert len(counts) == 20
    assert len(set(counts.tolist())) == 1
    assert counts.max() / len(world) <= 1 / 16


def test_every_concept_occurs_in_enough_images(labels: dict[str, np.ndarray]) -> None:
    rare = {}
    for concept in CONCEPTS:
        if concept.category != "scene":
            images = int((labels[concept.category] == concept.number).any(axis=(1, 2)).sum())
            if images < 12:
                rare[concept.name] = images
    assert rare == {}


def test_most_concepts_are_small(labels: dict[str, np.ndarray]) -> None:
    # at q = 0.005 a concept on more than 12.5 % of the pixels cannot pass an IoU of 0.04
    share = {
        (concept.category, concept.name): float((labels[concept.category] == concept.number).mean())
        for concept in CONCEPTS
        if concept.category in ("object", "part", "texture", "material")
    }
    out_of_reach = {name for (_, name), value in share.items() if value > 0.125}
    assert out_of_reach == {"sky", "wall"}
    large = {name for (category, name), value in share.items() if value > 0.05 and category != "material"}
    assert large <= {"sky", "wall", "sea"}
    # and none so small that no unit could pass either
    assert {name for (_, name), value in share.items() if value < 0.0003} == set()


def test_what_is_in_front_hides_what_is_behind() -> None:
    canvas = Canvas(Dice("occlusion"))
    canvas.pen(0, 0).rect(canvas.ink((0, 0, 255), object="sky"), 0, -128, 128, 0)
    canvas.pen(0, 0).rect(canvas.ink((0, 200, 0), object="tree", part="tree crown"), 32, -96, 96, -32)
    canvas.pen(0, 0).rect(canvas.ink((200, 0, 0), object="car"), 64, -96, 128, -32)
    painting = canvas.finish()
    objects, parts = painting.labels["object"], painting.labels["part"]
    assert objects[32, 24] == NUMBER["object", "tree"]
    assert parts[32, 24] == NUMBER["part", "tree crown"]
    assert objects[32, 40] == NUMBER["object", "car"]
    assert parts[32, 40] == 0
    assert objects[4, 4] == NUMBER["object", "sky"]
    assert painting.image.getpixel((80, 64)) == (200, 0, 0)
    assert painting.image.getpixel((48, 64)) == (0, 200, 0)


@pytest.mark.parametrize("name", sorted(set(THINGS) - {"star"}))  # a star is smaller than a mask's pixel
def test_every_thing_draws_its_own_object_and_nothing_else(name: str) -> None:
    found = set()
    for turn in range(12):
        canvas = Canvas(Dice(f"{name} {turn}"))
        THINGS[name].draw(canvas.pen(64, 90, 1.2, flip=turn % 2 == 1, object=THINGS[name].object))
        found |= set(np.unique(canvas.finish().labels["object"]).tolist())
    assert found == {0, NUMBER["object", THINGS[name].object]}


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_texture_shows_two_colours(texture: str) -> None:
    canvas = Canvas(Dice("texture"))
    canvas.pen(0, 0).rect(canvas.ink((0, 0, 0), second=(255, 255, 255), texture=texture), 0, -128, 128, 0)
    painting = canvas.finish()
    pixels = np.asarray(painting.image.convert("L"))
    assert (painting.labels["texture"] == NUMBER["texture", texture]).all()
    assert 0.1 < (pixels < 64).mean() < 0.9
    assert 0.1 < (pixels > 191).mean() < 0.9


def test_indices_as_in_a_sequence() -> None:
    world = World(n=5)
    assert world[-1].image.tobytes() == world[4].image.tobytes()
    with pytest.raises(IndexError, match="The data set has 5 images, 0 to 4; got 5"):
        world[5]
    assert len(list(world)) == 5


def test_impossible_worlds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"World\(n=0\): a data set needs at least one image"):
        World(n=0)
    for n in (2.5, "20", True, None):
        with pytest.raises(ValueError, match=r"World\(n=.*: a data set needs at least one image"):
            World(n=n)
    with pytest.raises(ValueError, match=r"split='val'.*choose one of 'probe', 'train', 'test'"):
        World(split="val")


def test_drawing_needs_no_torch() -> None:
    code = "import sys; from nbdissect.builtin.world import World; World(n=1)[0]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
