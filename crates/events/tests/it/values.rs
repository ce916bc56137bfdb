//! Tests of values that cannot be invalid.

use events::{EventId, InvalidText, ItemId, ItemText, ListName, Order};
use proptest::prelude::*;

#[test]
fn a_text_is_trimmed_and_counted_in_characters() {
    let text = |text: &str| {
        text.parse::<ItemText>()
            .map(|text| text.as_str().to_owned())
    };
    assert_eq!(text("  buy milk\t"), Ok("buy milk".to_owned()));
    assert_eq!(text(&"가".repeat(256)).map(|text| text.len()), Ok(768));
    assert_eq!(
        text(&"가".repeat(257)),
        Err(InvalidText::TooLong {
            limit: 256,
            length: 257
        })
    );
    assert_eq!(
        text(&format!("  {}  ", "x".repeat(256))).map(|text| text.len()),
        Ok(256)
    );
    assert_eq!(text(" \u{3000}\n"), Err(InvalidText::Blank));
    assert_eq!(text("a\nb"), Err(InvalidText::Control('\n')));
    assert_eq!(text("a\0b"), Err(InvalidText::Control('\0')));
    assert_eq!(text("a\u{85}b"), Err(InvalidText::Control('\u{85}')));
}

#[test]
fn a_refusal_says_what_to_change() {
    let why = |text: &str| text.parse::<ItemText>().unwrap_err().to_string();
    assert_eq!(why(""), "must not be empty or blank");
    assert_eq!(
        why(&"x".repeat(300)),
        "must have at most 256 characters, has 300"
    );
    assert_eq!(
        why("a\u{7}b"),
        "must not have control characters, has U+0007"
    );
}

#[test]
fn a_list_name_is_shorter_than_a_text() {
    assert!("x".repeat(64).parse::<ListName>().is_ok());
    assert!("x".repeat(65).parse::<ListName>().is_err());
    assert_eq!(ListName::default().as_str(), "default");
}

#[test]
fn a_place_is_a_finite_number_with_one_spelling() {
    assert!(Order::try_from(f64::NAN).is_err());
    assert!(Order::try_from(f64::INFINITY).is_err());
    let zero = Order::try_from(-0.0).unwrap();
    assert!(zero.get().is_sign_positive());
    assert!(serde_json::from_str::<Order>("1e999").is_err());
}

#[test]
fn a_key_always_stands_for_the_same_item() {
    assert_eq!(ItemId::from_key("order 17"), ItemId::from_key("order 17"));
    assert_ne!(ItemId::from_key("order 17"), ItemId::from_key("order 18"));
}

#[test]
fn each_version_of_an_item_has_one_announcement() {
    let [milk, bread] = ["milk", "bread"].map(ItemId::from_key);
    let first = EventId::of_version(milk, 1);
    assert_eq!(first, EventId::of_version(milk, 1));
    assert_ne!(first, EventId::of_version(milk, 2));
    assert_ne!(first, EventId::of_version(bread, 1));
    assert_ne!(first, milk.into());
}

#[test]
fn only_short_printable_ids_are_taken_over() {
    assert!(EventId::parse("order-17/a").is_some());
    assert!(EventId::parse("").is_none());
    assert!(EventId::parse("two words").is_none());
    assert!(EventId::parse("naïve").is_none());
    assert!(EventId::parse(&"x".repeat(129)).is_none());
}

proptest! {
    #[test]
    fn parsing_a_text_again_changes_nothing(text in any::<String>()) {
        if let Ok(once) = text.parse::<ItemText>() {
            prop_assert_eq!(once.as_str().parse::<ItemText>().unwrap(), once.clone());
            prop_assert_eq!(ItemText::try_from(text).unwrap(), once);
        }
    }

    #[test]
    fn every_place_survives_the_wire(place in any::<f64>()) {
        if let Ok(order) = Order::try_from(place) {
            let written = serde_json::to_string(&order).unwrap();
            prop_assert_eq!(serde_json::from_str::<Order>(&written).unwrap(), order);
        }
    }
}
