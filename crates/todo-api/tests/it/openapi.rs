//! `GET /openapi.json` and `GET /docs`

use std::{collections::BTreeSet, fs, path::Path};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use todo_api::Policy;

use crate::app::TestApp;

/// Set to write the document in place of comparing it.
const RECORD: &str = "RECORD_DOCS";

fn document() -> Value {
    serde_json::from_str(&todo_api::document(&Policy::default())).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// Resolves a reference in the document; returns any other value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a task asks for it, no setting")]
fn the_document_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let said = format!("{}\n", todo_api::document(&Policy::default()));
    if std::env::var_os(RECORD).is_some() {
        fs::write(&file, &said).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == said,
        "docs/openapi.json is not what the code says; `cargo xtask docs` writes it anew"
    );
}

#[tokio::test]
async fn the_document_is_served_to_everybody_as_this_deployment_is() {
    let open = TestApp::start().await;
    let answer = open.get("/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, document());
    assert_eq!(answer.body["openapi"], "3.1.0");
    assert_eq!(
        answer.body["paths"]["/todo"]["get"]["security"],
        Value::Null
    );

    let guarded = TestApp::start_with(Policy {
        api_tokens: Some("first-0123456789abcdef".parse().unwrap()),
        ..Policy::default()
    })
    .await;
    let answer = guarded.get("/openapi.json").await;
    for (name, operation) in operations(&answer.body) {
        let needs_token = operation["tags"] != json!(["documents"]);
        let security = if needs_token {
            json!([{"token": []}])
        } else {
            Value::Null
        };
        assert_eq!(operation["security"], security, "{name}");
        assert_eq!(
            operation["responses"]["401"].is_object(),
            needs_token,
            "{name}"
        );
    }
}

#[test]
fn every_answer_in_the_document_has_a_media_type_or_no_body_and_the_requests_identity() {
    let document = document();
    for (name, operation) in operations(&document) {
        assert!(operation["operationId"].is_string(), "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolve(&document, response);
            let kinds = response["content"].as_object();
            let kinds: Vec<_> = kinds.map(|all| all.keys().collect()).unwrap_or_default();
            let has_body = !matches!(status.as_str(), "204" | "304");
            assert_eq!(!kinds.is_empty(), has_body, "{name}: {status}: {kinds:?}");
            let refused = status.parse::<u16>().unwrap() >= 400;
            let is_problem = |kind: &&String| *kind == "application/problem+json";
            assert_eq!(kinds.iter().any(is_problem), refused, "{name}: {status}");
            assert!(
                response["headers"]["x-request-id"].is_object(),
                "{name}: {status}"
            );
        }
    }
}

/// A schema with its references resolved.
fn whole(document: &Value, schema: &Value) -> Value {
    match resolve(document, schema) {
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), whole(document, value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(|value| whole(document, value)).collect(),
        plain => plain.clone(),
    }
}

/// Collects each example in the document that does not match its schema, and counts those that do.
fn judge(document: &Value, value: &Value, wrong: &mut Vec<String>) -> usize {
    let mut good = 0;
    let schema = if value["schema"].is_object() {
        &value["schema"]
    } else {
        value
    };
    if schema.is_object() {
        let schema = whole(document, schema);
        let mut examples: Vec<Value> = Vec::new();
        examples.extend(value.get("example").cloned());
        match &value["examples"] {
            Value::Array(several) => examples.extend(several.clone()),
            Value::Object(named) => examples.extend(named.values().map(|one| one["value"].clone())),
            _ => {}
        }
        for example in examples {
            let validator = jsonschema::draft202012::options();
            let validator = validator
                .should_validate_formats(true)
                .build(&schema)
                .unwrap();
            match validator.validate(&example) {
                Ok(()) => good += 1,
                Err(error) => wrong.push(format!("{example}: {error}")),
            }
        }
    }
    let parts: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    good + parts
        .into_iter()
        .map(|part| judge(document, part, wrong))
        .sum::<usize>()
}

#[test]
fn every_example_in_the_document_is_valid() {
    let document = document();
    let mut wrong = Vec::new();
    let good = judge(&document, &document, &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(good > 30, "only {good} examples were found");
}

/// The types of problems in the sources of a crate.
fn kinds_in(folder: &Path) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            kinds.extend(kinds_in(&path));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for call in text
            .split("Problem::new(")
            .chain(text.split("Self::new("))
            .skip(1)
        {
            let arguments = call.split(')').next().unwrap();
            let kind = arguments
                .split_once(',')
                .map_or("", |(_, kind)| kind.trim());
            let kind = kind.trim_end_matches(',').trim_matches('"');
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            if !kind.is_empty() && kind.chars().all(plain) {
                kinds.insert(kind.to_owned());
            }
        }
    }
    kinds
}

#[test]
fn every_problem_of_the_code_is_in_the_list_and_in_the_document_under_its_status() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = kinds_in(&root.join("src"));
    known.extend(kinds_in(&root.join("../service/src")));
    let list = fs::read_to_string(root.join("../../docs/problems.md")).unwrap();
    let mut listed = BTreeSet::new();
    let document = document();
    for section in list.split("\n## ").skip(1) {
        let status = &section[..3];
        for row in section
            .lines()
            .filter_map(|line| line.strip_prefix("| `/problems/"))
        {
            let kind = row.split('`').next().unwrap();
            assert!(listed.insert(kind.to_owned()), "{kind} is listed twice");
            let examples = document["components"]["responses"]
                .as_object()
                .unwrap()
                .values();
            let examples =
                examples.map(|one| &one["content"]["application/problem+json"]["examples"]);
            let example = examples
                .map(|all| &all[kind]["value"])
                .find(|one| one.is_object());
            // No operation is documented with a method that it has not.
            if kind != "method-not-allowed" {
                let example = example.unwrap_or_else(|| panic!("{kind} is not in the document"));
                assert_eq!(example["status"].to_string(), status, "{kind}");
            }
        }
    }
    assert_eq!(
        known, listed,
        "what the code knows, and what docs/problems.md lists"
    );
}

#[tokio::test]
async fn the_page_to_try_it_is_whole_and_loads_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let read = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (parts, body) = app.fetch(request).await.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        assert_eq!(parts.status, StatusCode::OK, "{path}");
        (parts.headers, String::from_utf8(text.to_vec()).unwrap())
    };
    let (headers, page) = read("/docs").await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let policy = headers["content-security-policy"].to_str().unwrap();
    for word in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
    ] {
        assert!(policy.contains(word), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let (headers, problems) = read("/docs/problems").await;
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert!(page.contains("<a href=\"/docs/problems\">") && problems.starts_with("# Problems"));
    for (part, kind) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
        let address = format!("/docs/{part}");
        assert!(page.contains(&format!("\"{address}\"")), "{page}");
        let (headers, text) = read(&address).await;
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind));
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML")
        );
    }
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[tokio::test]
async fn the_root_leads_a_browser_to_the_page_and_tells_a_program_where_things_are() {
    let app = TestApp::start().await;
    let browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let request = Request::get("/").header("accept", browsers);
    let answer = app.fetch(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/docs");
    let named = Request::get("/").header("accept", "application/json, TEXT/HTML");
    let answer = app.fetch(named.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let never = Request::get("/").header("accept", "text/html;q=0, */*");
    let answer = app.fetch(never.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let ways = app.get("/").await;
    assert_eq!(ways.status, StatusCode::OK);
    let root = ("root".to_owned(), json!("/"));
    for (_, way) in ways
        .body
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .chain([root])
    {
        let options = Request::options(way.as_str().unwrap());
        let answer = app.fetch(options.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{way}");
        assert!(answer.headers().contains_key("allow"), "{way}");
        let request = Request::get(way.as_str().unwrap());
        let answer = app.fetch(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{way}");
    }
}
