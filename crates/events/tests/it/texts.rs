//! Tests of texts of items and names of lists, in any form of Unicode.

use events::{InvalidText, ItemText, ListName};
use proptest::{prelude::*, string::string_regex};
use serde_json::json;

use crate::reading::read_with;

/// A text of any length that need not be valid, with the characters that rules are about more often than
/// by chance.
fn odd() -> impl Strategy<Value = String> {
    let odd = "[\u{200b}\u{3164}\u{2800}\u{feff}\u{ad}\u{fe0f}\u{e0020}\u{202e}\u{301}\u{1112}\u{1161}\u{11ab}e .]";
    let character = prop_oneof![odd, any::<char>().prop_map(String::from)];
    prop::collection::vec(character, 0..6).prop_map(|parts| parts.concat())
}

fn name(text: &str) -> Result<String, InvalidText> {
    text.parse::<ListName>().map(String::from)
}

fn item(text: &str) -> Result<String, InvalidText> {
    text.parse::<ItemText>().map(String::from)
}

#[test]
fn a_name_is_one_name_in_whichever_form_it_is_written() {
    for (composed, decomposed) in [
        ("할일", "\u{1112}\u{1161}\u{11af}\u{110b}\u{1175}\u{11af}"),
        ("café", "cafe\u{301}"),
        ("Ångström", "A\u{30a}ngstro\u{308}m"),
        ("Ω", "\u{2126}"),
    ] {
        assert_eq!(name(decomposed).unwrap(), composed);
        assert_eq!(item(decomposed).unwrap(), composed);
        assert_eq!(
            ListName::try_from(decomposed.to_owned()).unwrap().as_str(),
            composed
        );
    }
}

#[test]
fn a_limit_counts_the_characters_of_the_composed_form() {
    let syllable = "\u{1112}\u{1161}\u{11af}";
    assert_eq!(
        item(&syllable.repeat(256)).map(|text| text.chars().count()),
        Ok(256)
    );
    let (limit, length) = (256, 257);
    assert_eq!(
        item(&syllable.repeat(257)),
        Err(InvalidText::TooLong { limit, length })
    );
    assert!(name(&syllable.repeat(64)).is_ok());
}

#[test]
fn a_text_that_shows_nothing_is_blank() {
    for invisible in [
        "\u{200b}",
        "\u{3164}",
        "\u{2800}",
        "\u{feff}",
        "\u{ad}",
        "\u{200e}",
        "\u{2060}",
        "\u{fe0f}",
        "\u{e0020}",
        "\u{180e}",
        "\u{202e}",
        "\u{115f}",
        "\u{1160}",
        "\u{ffa0}",
        "\u{34f}",
        "\u{17b4}",
        "\u{2066}",
        "\u{61c}",
        "\u{1d173}",
        "\u{e0fff}",
        "\u{200d}",
    ] {
        for text in [
            invisible.to_owned(),
            format!(" {invisible}\u{3000}{invisible} "),
        ] {
            assert_eq!(item(&text), Err(InvalidText::Blank), "{text:?}");
            assert_eq!(name(&text), Err(InvalidText::Blank), "{text:?}");
        }
        let seen = format!("a{invisible}b");
        assert_eq!(item(&seen).unwrap(), seen, "{seen:?}");
    }
}

#[test]
fn an_emoji_stays_whole() {
    for emoji in [
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}",
        "👍🏽",
        "🇰🇷",
        "1\u{fe0f}\u{20e3}",
        "🏴\u{e0067}\u{e0062}\u{e007f}",
        "\u{ac00}\u{fe00}",
        "می\u{200c}خواهم",
    ] {
        assert_eq!(item(emoji).unwrap(), emoji);
        assert_eq!(name(emoji).unwrap(), emoji);
    }
}

#[test]
fn a_list_has_no_name_that_leads_elsewhere_in_an_address() {
    for dots in [".", "..", " .. "] {
        assert_eq!(name(dots), Err(InvalidText::Dots));
        assert!(item(dots).is_ok());
    }
    for other in ["...", ".a", "a..", "%2e", "%2e%2e", "․", ".\u{200b}"] {
        assert_eq!(name(other).unwrap(), other);
    }
}

#[test]
fn what_was_stored_by_a_wider_rule_is_read_as_it_is() {
    for old in ["\u{200b}", "..", "cafe\u{301}", "milk"] {
        assert_eq!(ListName::stored(old.to_owned()).unwrap().as_str(), old);
        assert_eq!(ItemText::stored(old.to_owned()).unwrap().as_str(), old);
        let saved = json!({
            "id": "019a8f6e-3c00-7aaa-8bbb-0123456789ab", "list": old, "item": old, "completed": false,
            "order": 1.0, "addedAt": "2026-11-20T12:00:00Z", "version": 1, "cause": "c",
        });
        let read = read_with("events.todo.itemsaved", &[], saved.to_string().as_bytes());
        assert!(read.is_ok(), "{read:?}");
    }
    assert!(ListName::stored(String::new()).is_err());
    assert!(ItemText::stored("a\0b".to_owned()).is_err());
}

#[test]
fn an_event_with_a_text_that_cannot_be_is_refused_with_the_reason() {
    let reason = |body: &[u8]| {
        let refused = read_with("events.todo.newitem", &[], body).unwrap_err();
        refused.to_string()
    };
    insta::assert_snapshot!(reason("{\"item\":\"\u{3164}\"}".as_bytes()), @"the body is no NewItem: must not be empty or blank at line 1 column 14");
    insta::assert_snapshot!(reason("{\"item\":\"a\",\"list\":\"\u{200b}\"}".as_bytes()), @"the body is no NewItem: must not be empty or blank at line 1 column 25");
    insta::assert_snapshot!(reason(br#"{"item":"a","list":".."}"#), @"the body is no NewItem: must not be `.` or `..`, which lead elsewhere in an address at line 1 column 24");
    insta::assert_snapshot!(reason(br#"{"item":"\ud83d"}"#), @"the body is no NewItem: it is not JSON: unexpected end of hex escape at line 1 column 16");
    insta::assert_snapshot!(reason(br#"{"item":"\udc00"}"#), @"the body is no NewItem: it is not JSON: lone leading surrogate in hex escape at line 1 column 15");
    insta::assert_snapshot!(reason(b"{\"item\":\"a\",\"list\":\"\xc3\x28\"}"), @"the body is no NewItem: it is not JSON: invalid unicode code point at line 1 column 21");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_accepted_is_accepted_again_as_the_same(text in odd()) {
        if let Ok(once) = text.parse::<ListName>() {
            prop_assert_eq!(once.as_str().parse::<ListName>(), Ok(once.clone()));
            prop_assert_eq!(ListName::try_from(text), Ok(once.clone()));
            prop_assert_eq!(ListName::stored(once.to_string()), Ok(once));
        }
    }

    #[test]
    fn the_pattern_in_the_documents_matches_only_what_is_accepted(
        item in string_regex(ItemText::pattern().trim_matches(['^', '$'])).unwrap(),
        name in string_regex(ListName::pattern().trim_matches(['^', '$'])).unwrap(),
    ) {
        let longest = |text: &str| text.chars().count() <= 64;
        prop_assert!(!longest(&item) || item.parse::<ItemText>().is_ok(), "{:?}", item);
        prop_assert!(!longest(&name) || name.parse::<ListName>().is_ok(), "{:?}", name);
    }
}
