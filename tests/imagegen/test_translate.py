"""Korean wishes in English, offline: grammar, what is not wanted, unknown words; and a model of transformers."""

from __future__ import annotations

import pytest

from imagegen import english
from imagegen.errors import TranslationError
from imagegen.hub_translator import HubTranslator, as_prompt
from imagegen.romanize import romanize
from imagegen.translate import GlossaryTranslator


@pytest.fixture(scope="module")
def translator():
    return GlossaryTranslator()


@pytest.mark.parametrize(
    ("korean", "expected"),
    [
        (
            "노란 우산을 쓴 여자가 벚꽃길을 걷는다",
            "a woman holding a yellow umbrella, walking on a cherry blossom path",
        ),
        ("한복을 입은 여자가 한옥 앞에 서 있다.", "a woman wearing a hanbok, standing in front of a hanok"),
        ("머리가 긴 여자가 빨간 드레스를 입고 춤을 추고 있다", "a woman with long hair, wearing a red dress, dancing"),
        ("고양이가 소파 위에서 자고 있어", "a cat, sleeping on a sofa"),
        ("눈 덮인 산 위의 작은 오두막", "a small cabin on a snow-covered mountain"),
        ("인형 같은 얼굴의 소녀", "a girl with a doll-like face"),
        ("검은 고양이의 노란 눈", "a black cat's yellow eyes"),
        ("나무로 만든 작은 집", "a small house made of wood"),
        ("손을 흔드는 소년", "a boy waving"),
        ("비에 젖은 거리를 달리는 노란 택시", "a yellow taxi running on a rain-soaked street"),
        (
            "편의점 앞에서 컵라면을 먹는 고등학생",
            "a high school student eating cup noodles in front of a convenience store",
        ),
        ("포장마차에서 소주를 마시는 아저씨들", "middle-aged men drinking soju in a pojangmacha street food tent"),
    ],
)
def test_sentences_become_prompt_words(translator, korean, expected):
    assert translator.translate(korean).english == expected


@pytest.mark.parametrize(
    ("korean", "expected"),
    [
        ("고양이 두 마리와 커피 한 잔이 있는 나무 책상", "a wooden desk with two cats and a cup of coffee"),
        ("여자 세 명이 웃고 있다", "three women, smiling"),
        ("열 살짜리 아이", "a 10-year-old child"),
        ("20대 여자", "a woman in her 20s"),
        ("여러 사람", "several people"),
        ("한 남자가 웃고 있다", "a man, smiling"),
        ("두 사람이 걷는다", "two people, walking"),
        ("아기와 함께 공원에서 노는 여자", "a woman playing with a baby in a park"),
        ("강아지들", "puppies"),
    ],
)
def test_numbers_counters_and_plurals(translator, korean, expected):
    assert translator.translate(korean).english == expected


@pytest.mark.parametrize(
    ("korean", "shown", "rejected"),
    [
        ("안경 없는 소녀", "a girl", ("glasses",)),
        ("모자를 쓰지 않은 남자", "a man", ("hat",)),
        ("사람이 없는 거리", "a street", ("person",)),
        ("우산 없이 비를 맞는 남자", "a man getting wet in rain", ("umbrella",)),
        ("안경은 빼고 그려줘", "", ("glasses",)),
        ("사람은 안 나오게 해줘", "", ("person",)),
        ("안 웃는 얼굴", "a face", ("smiling",)),
    ],
)
def test_what_is_not_wanted_goes_to_the_negatives_alone(translator, korean, shown, rejected):
    made = translator.translate(korean)
    assert (made.english, made.negatives) == (shown, rejected)


@pytest.mark.parametrize(
    ("korean", "expected"),
    [
        ("바닷가에서 찍은 셀카 보내줘", "a selfie taken on the beach"),
        ("이거 수채화로 그려줘", "watercolor painting"),
        ("이 사진 배경을 벚꽃길로 바꿔줘", "a cherry blossom path in the background, photo"),
        ("강아지 그려줘", "a puppy"),
        ("더 밝게 해줘", "bright"),
        ("머리를 금발로 바꿔줘", "blonde hair"),
        ("옷을 빨간색으로 바꿔줘", "red clothes"),
        ("너 한복 입은 모습 보고 싶어", "a woman, wearing a hanbok"),
    ],
)
def test_the_words_that_ask_are_not_drawn(translator, korean, expected):
    assert translator.translate(korean).english == expected


def test_styles_are_kept_apart_from_what_is_shown(translator):
    made = translator.translate("창가에서 책을 읽는 소녀를 수채화로 그려줘")
    assert made.styles == ("watercolor painting",)
    assert "watercolor" not in " ".join(made.segments)
    assert translator.translate("도시의 밤, 고흐풍으로").styles == ("Van Gogh style",)


def test_the_same_word_is_told_apart_by_what_stands_beside_it(translator):
    assert "snow" in translator.translate("눈이 소복이 쌓인 지붕").english
    assert "eyes" in translator.translate("파란 눈의 소녀").english
    assert "boat" in translator.translate("강에서 배를 타는 소년").english
    assert "bridge" in translator.translate("한강 다리를 건너는 사람").english
    assert translator.translate("다리가 긴 모델").english == "a fashion model with long legs"


def test_unknown_nouns_are_kept_in_latin_letters_and_all_unknown_words_are_reported(translator):
    made = translator.translate("뷁쑬라를 든 여자")
    assert dict(made.unknown)
    latin = next(iter(dict(made.unknown).values()))
    assert latin in made.english
    assert dict(translator.translate("여자가 해킹한다").unknown) == {"해킹하다": ""}


def test_known_wishes_report_nothing_unknown(translator):
    assert translator.translate("듀얼 모니터와 기계식 키보드가 놓인 하얀 책상, 따뜻한 조명").unknown == ()


def test_english_words_stay_as_they_are(translator):
    assert translator.translate("1girl, long hair, 벚꽃").english == "1girl, long hair, cherry blossoms"


@pytest.mark.parametrize(
    "text",
    ["", "   ", "ㅋㅋㅋ", "!!!", "그려줘", "없이", "의", "하고 와 과", "😀😀", "(((", "가" * 3000, "에서 위에 아래"],
)
def test_any_text_is_taken(translator, text):
    made = translator.translate(text)
    assert isinstance(made.english, str)


def test_articles_plurals_and_forms_of_verbs():
    assert [english.article(word) for word in ("umbrella", "unicorn", "shoes", "rain", "hour", "8-year-old child")] == [
        "an umbrella", "a unicorn", "shoes", "rain", "an hour", "an 8-year-old child"
    ]  # fmt: skip
    assert [english.plural(word) for word in ("woman", "box", "city", "bowl of rice", "rain", "glasses")] == [
        "women", "boxes", "cities", "bowls of rice", "rain", "glasses"
    ]  # fmt: skip
    assert [english.gerund(verb) for verb in ("hold a hat", "run", "lie down", "be placed", "sing", "see")] == [
        "holding a hat", "running", "lying down", "placed", "singing", "seeing"
    ]  # fmt: skip
    assert [english.participle(verb) for verb in ("take", "draw", "decorate", "carry")] == [
        "taken", "drawn", "decorated", "carried"
    ]  # fmt: skip
    assert english.adverb("happy") == "happily"


def test_letters_are_romanized_with_their_sound_changes():
    assert [romanize(word) for word in ("지브리풍", "신라", "독립문", "한강", "먹는", "벚꽃 abc")] == [
        "jibeuripung", "silla", "dongnimmun", "hangang", "meongneun", "beotkkot abc"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def tiny_marian(tmp_path_factory):
    """A Marian model of one layer that learned two sentences by heart, with a tokenizer of its words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

    words = "<pad> </s> <unk> 안경 없는 소녀를 그려줘 고양이 draw me a girl without glasses cat .".split()
    inner = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")  # noqa: S106
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=len(words), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, pad_token_id=0, eos_token_id=1,
        decoder_start_token_id=0, forced_eos_token_id=None, max_position_embeddings=64, dropout=0.0,
    )  # fmt: skip
    model = MarianMTModel(config)
    sources = tokenizer(["안경 없는 소녀를 그려줘", "고양이"], padding=True, return_tensors="pt")
    targets = tokenizer(["draw me a girl without glasses . </s>", "a cat </s>"], padding=True, return_tensors="pt")
    labels = targets["input_ids"].masked_fill(targets["input_ids"] == 0, -100)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=sources["input_ids"], attention_mask=sources["attention_mask"], labels=labels).loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("marian")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_model_of_transformers_translates_and_its_negation_is_taken_out(tiny_marian):
    translator = HubTranslator(str(tiny_marian))
    assert translator.translate("고양이").english == "a cat"
    made = translator.translate("안경 없는 소녀를 그려줘")
    assert (made.english, made.negatives) == ("a girl", ("glasses",))
    assert translator.translate("  ").english == ""


def test_a_models_sentence_becomes_prompt_words():
    made = as_prompt("…", "Please draw me a man without a hat walking on the beach.")
    assert (made.english, made.negatives) == ("a man walking on the beach", ("hat",))
    with pytest.raises(TranslationError, match="no words"):
        as_prompt("고양이", " . ")


def test_a_translator_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(TranslationError, match="there is no folder"):
        HubTranslator(str(tmp_path / "nothing"))
    with pytest.raises(TranslationError, match="cannot be loaded") as error:
        HubTranslator(str(tmp_path))
    assert "\n" not in str(error.value)
