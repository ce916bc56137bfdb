//! Parsing of the outermost values of JSON only.
//!
//! Parsed, a JSON value of two bytes may take a hundred times its size in memory, `{}` as well as `[0]`. No
//! field of this API is an array or an object, so only their presence is kept; and the fields of an object
//! past the limit are skipped. So parsing takes about as much memory as the text.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// The most fields of an object that are kept: one more than may be. Then there are too many.
const KEPT: usize = super::MOST_FIELDS + 1;

/// A value. If it is an object, the arrays and objects in its fields are empty.
pub(super) struct Outermost(pub(super) Value);

/// A value; if it is an array or an object, an empty one.
struct Flat(Value);

/// An array of values, of which those past `LIMIT` are not kept.
pub(super) struct FirstOf<T, const LIMIT: usize>(pub(super) Vec<T>);

/// Visitor of any value; the fields of an object are read only where it is `OPEN`.
struct Shallow<const OPEN: bool>;

impl<'d> Deserialize<'d> for Outermost {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shallow::<true>).map(Self)
    }
}

impl<'d> Deserialize<'d> for Flat {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shallow::<false>).map(Self)
    }
}

impl<'d, const OPEN: bool> Visitor<'d> for Shallow<OPEN> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'d>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while OPEN && kept.len() < KEPT {
            let Some((name, Flat(value))) = fields.next_entry::<String, Flat>()? else {
                return Ok(Value::Object(kept));
            };
            kept.insert(name, value);
        }
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(kept))
    }
}

impl<'d, T: Deserialize<'d>, const LIMIT: usize> Deserialize<'d> for FirstOf<T, LIMIT> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(Vec::new()))
    }
}

impl<'d, T: Deserialize<'d>, const LIMIT: usize> Visitor<'d> for FirstOf<T, LIMIT> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'d>>(mut self, mut items: A) -> Result<Self, A::Error> {
        while self.0.len() < LIMIT {
            let Some(item) = items.next_element()? else {
                return Ok(self);
            };
            self.0.push(item);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde_json::{Value, json};

    use super::{FirstOf, KEPT, Outermost};

    fn read(text: &str) -> Option<Value> {
        let Outermost(value) = serde_json::from_str(text).ok()?;
        Some(value)
    }

    #[test]
    fn of_what_is_inside_of_fields_nothing_is_kept() {
        let text =
            json!({"a": "x", "b": {"c": [1]}, "d": [{}, 2], "e": -1.5, "f": null, "g": true});
        let kept = json!({"a": "x", "b": {}, "d": [], "e": -1.5, "f": null, "g": true});
        assert_eq!(read(&text.to_string()), Some(kept));
        assert_eq!(read("[[1], {\"a\": 1}]"), Some(json!([])));
    }

    #[test]
    fn of_very_many_fields_and_items_only_the_first_are_kept() {
        let many: serde_json::Map<_, _> = (0..1_000).map(|n| (n.to_string(), n.into())).collect();
        let kept = read(&Value::Object(many).to_string()).unwrap();
        assert_eq!(kept.as_object().unwrap().len(), KEPT);
        let FirstOf(items) = serde_json::from_str::<FirstOf<u32, 3>>("[1, 2, 3, 4, 5]").unwrap();
        assert_eq!(items, [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn what_is_json_is_read_and_nothing_else(text in "[\\[\\]{}\",:0-9a-f. -]{0,40}") {
            let whole = serde_json::from_str::<Value>(&text).ok();
            // Of what is left out, such as a number that is too large for any, less is checked.
            prop_assert!(whole.is_none() || read(&text).is_some());
        }

        #[test]
        fn a_flat_object_is_read_as_it_is(fields in vec(("[a-z]{0,3}", any::<i64>()), 0..KEPT)) {
            let object: serde_json::Map<_, _> =
                fields.into_iter().map(|(name, value)| (name, value.into())).collect();
            let object = Value::Object(object);
            prop_assert_eq!(read(&object.to_string()), Some(object));
        }
    }
}
