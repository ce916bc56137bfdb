//! JSON Schemas of the values, for documents. They describe what to send; reading is more tolerant: it
//! trims a text, for instance.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{EventId, ItemId, ItemText, ListName, Order};

/// A time on the wire.
pub(crate) struct Moment;

macro_rules! schemas {
    ($($name:ident: $schema:tt,)*) => {
        $(impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

schemas! {
    ItemId: { "type": "string", "format": "uuid" },
    EventId: { "type": "string", "minLength": 1, "maxLength": EventId::MAX_BYTES, "pattern": "^[!-~]+$" },
    ItemText: { "type": "string", "minLength": 1, "maxLength": ItemText::LIMIT, "pattern": ItemText::pattern() },
    ListName: { "type": "string", "minLength": 1, "maxLength": ListName::LIMIT, "pattern": ListName::pattern() },
    Order: { "type": "number" },
    Moment: { "type": "string", "format": "date-time" },
}
