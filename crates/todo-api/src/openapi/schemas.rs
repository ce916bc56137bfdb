//! Schemas of bodies, for the document, where they differ from the types in the code. The handlers read
//! bodies field by field ([`crate::body`]), to name every invalid one.
#![expect(dead_code, reason = "only the document is made of these")]

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema, Type,
        schema::{ArrayBuilder, ObjectBuilder, SchemaType},
    },
};

/// See [`events::ItemText`].
pub(crate) struct ItemText;

/// See [`events::ListName`].
pub(crate) struct ListName;

fn text(most: usize, pattern: String, about: &str, example: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .min_length(Some(1))
        .max_length(Some(most))
        .pattern(Some(pattern))
        .examples([serde_json::json!(example)]);
    text.into()
}

impl PartialSchema for ItemText {
    fn schema() -> RefOr<Schema> {
        let about = "What there is to do: 1 to 256 characters (Unicode code points), none of them a control \
                     character and at least one that can be seen. It is kept in the composed form (NFC), without \
                     white space around it.";
        let pattern = events::ItemText::pattern();
        text(events::ItemText::LIMIT, pattern, about, "buy milk")
    }
}

impl ToSchema for ItemText {
    fn name() -> Cow<'static, str> {
        "Text".into()
    }
}

impl PartialSchema for ListName {
    fn schema() -> RefOr<Schema> {
        let about = "Which list an item belongs to: 1 to 64 characters, by the rules of a text, and neither `.` \
                     nor `..`. Names that look the same are one, whichever way they are written.";
        let pattern = events::ListName::pattern();
        text(events::ListName::LIMIT, pattern, about, "default")
    }
}

impl ToSchema for ListName {}

/// Returns a reference to the schema of list names.
pub(crate) fn list_name() -> Ref {
    Ref::from_schema_name(ListName::name())
}

/// An item to add.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewItem, examples(json!({"item": "buy milk"}), json!({"item": "홍보 비디오 촬영", "list": "work"})))]
pub(crate) struct NewItem {
    item: ItemText,
    /// If it is left out, `default`.
    #[schema(nullable = false)]
    list: Option<ListName>,
}

/// Items to add. What is no item is refused by itself, so that anything may stand here.
pub(crate) struct Batch;

impl PartialSchema for Batch {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .description(Some("Items to add, each as `POST /todo` takes it."))
            .items(ObjectBuilder::new().schema_type(SchemaType::AnyValue))
            .min_items(Some(1))
            .max_items(Some(1000))
            .examples([
                serde_json::json!([{"item": "buy milk"}, {"item": "write", "list": "work"}]),
            ]);
        items.into()
    }
}

impl ToSchema for Batch {}

/// Items to add, one JSON object a line.
pub(crate) struct Lines;

impl PartialSchema for Lines {
    fn schema() -> RefOr<Schema> {
        let lines = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Items to add, a JSON object a line, each as `POST /todo` takes it.",
            ))
            .pattern(Some(r"[^ \t\n\f\r]"));
        lines.into()
    }
}

impl ToSchema for Lines {}

/// What to change of an item: at least one of these.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, examples(json!({"completed": true}), json!({"item": "buy oat milk", "order": 0.5})))]
pub(crate) struct Change {
    #[schema(nullable = false)]
    item: Option<ItemText>,
    /// Whether it is done.
    #[schema(nullable = false)]
    completed: Option<bool>,
    /// Its place in the list, smaller first. Between two places there is another.
    #[schema(nullable = false)]
    order: Option<f64>,
}

/// A todo to add. A `url` may be sent along, and is ignored.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"title": "buy milk"}), json!({"title": "홍보 비디오 촬영", "order": 95, "completed": true})))]
pub(crate) struct NewTodo {
    title: ItemText,
    /// Whether it is done.
    #[schema(nullable = false)]
    completed: Option<bool>,
    /// Its place in the list, smaller first; if it is left out, the last.
    #[schema(nullable = false)]
    order: Option<f64>,
}

/// What to change of a todo: at least one of these. A `url` may be sent along, and is ignored.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, examples(json!({"completed": true}), json!({"title": "buy oat milk", "order": 0.5})))]
pub(crate) struct TodoChange {
    #[schema(nullable = false)]
    title: Option<ItemText>,
    /// Whether it is done.
    #[schema(nullable = false)]
    completed: Option<bool>,
    /// Its place in the list, smaller first.
    #[schema(nullable = false)]
    order: Option<f64>,
}

/// What was refused, and what to change (RFC 9457).
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Which problem it is; the same one always has the same status. `docs/problems.md` lists them.
    #[schema(format = "uri-reference", pattern = "^/problems/[a-z-]+$")]
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What to change.
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Every part of the request that is wrong.
    #[schema(nullable = false)]
    errors: Option<Vec<Fault>>,
    /// The request's identity, as in the header `x-request-id`.
    #[serde(rename = "requestId")]
    request_id: String,
}

/// A part of a request that is wrong.
#[derive(ToSchema)]
pub(crate) struct Fault {
    /// Its name.
    field: String,
    /// What to change about it.
    detail: String,
}
