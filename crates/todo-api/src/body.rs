//! The body of a request: a JSON object whose fields are checked one by one, so that the answer can
//! name all that are wrong and not only the first.

mod flat;

use std::{borrow::Cow, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use events::InvalidText;
use serde_json::{Map, Value, error::Category};
use service::{http, problem::Problem};

use flat::{FirstOf, Outermost};

/// Media types of `Accept-Patch`. Any other `application/…+json` is accepted too.
pub(crate) const PATCHES: &str = "application/json, application/merge-patch+json";

/// Most fields of an object. No object of this API has as many, and the answer to a batch in the format of
/// another API must not be many times as large as the batch.
const MOST_FIELDS: usize = 32;

/// The longest name of an unknown field that is repeated in an answer, in characters.
const NAME_LIMIT: usize = 64;

/// The fields of a JSON object that are not read yet, and the faults of the others.
#[derive(Debug)]
pub(crate) struct Fields {
    given: Map<String, Value>,
    /// Set if the object had more than [`MOST_FIELDS`].
    too_many: bool,
    faults: Vec<(Cow<'static, str>, String)>,
}

impl Fields {
    /// Takes a text, if there is one.
    pub(crate) fn text<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: TryFrom<String, Error = InvalidText>,
    {
        match self.given.remove(name)? {
            Value::String(text) => match text.try_into() {
                Ok(text) => Some(text),
                Err(invalid) => self.fault(name, invalid.to_string()),
            },
            _ => self.fault(name, "must be a text"),
        }
    }

    /// Takes a text that has to be there.
    pub(crate) fn required_text<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: TryFrom<String, Error = InvalidText>,
    {
        if self.given.contains_key(name) {
            self.text(name)
        } else {
            self.fault(name, "is missing")
        }
    }

    /// Takes a boolean, if there is one.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.given.remove(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.fault(name, "must be true or false"),
        }
    }

    /// Takes a number, if there is one.
    pub(crate) fn number<T: TryFrom<f64>>(&mut self, name: &'static str) -> Option<T>
    where
        T::Error: std::fmt::Display,
    {
        match self.given.remove(name)?.as_f64().map(T::try_from) {
            Some(Ok(number)) => Some(number),
            Some(Err(error)) => self.fault(name, error.to_string()),
            None => self.fault(name, "must be a number"),
        }
    }

    /// Takes a whole number from `range`, if there is one.
    pub(crate) fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.given.remove(name)?.as_u64();
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        number.or_else(|| {
            let (least, most) = range.into_inner();
            let detail = format!("must be a whole number from {least} to {most}");
            self.fault(name, detail)
        })
    }

    /// Takes a text and parses it, if there is one.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        match self.given.remove(name)?.as_str().map(str::parse) {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => self.fault(name, error.to_string()),
            None => self.fault(name, "must be a text"),
        }
    }

    /// Takes a text that has to be there, and parses it.
    pub(crate) fn required<T: FromStr>(&mut self, name: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        if self.given.contains_key(name) {
            self.parsed(name)
        } else {
            self.fault(name, "is missing")
        }
    }

    /// Ignores these fields, whatever their values.
    pub(crate) fn leave(&mut self, names: &[&str]) {
        self.given.retain(|name, _| !names.contains(&name.as_str()));
    }

    /// Records what is wrong with a field.
    pub(crate) fn fault<T>(&mut self, name: &'static str, detail: impl Into<String>) -> Option<T> {
        self.faults.push((name.into(), detail.into()));
        None
    }

    /// Fails with 422 if any field was wrong. A field that was not taken counts as wrong: its name may be
    /// mistyped, and ignoring it would silently not do what the request asks for.
    pub(crate) fn finish(self, known: &str) -> Result<(), Problem> {
        if self.too_many {
            return Err(invalid(&format!(
                "it has more than {MOST_FIELDS} fields; known are {known}"
            )));
        }
        let unknown = self.given.into_iter().map(|(name, _)| {
            let name: String = name.chars().take(NAME_LIMIT).collect();
            (name.into(), format!("is not known here; known are {known}"))
        });
        let mut faults = self.faults.into_iter().chain(unknown).peekable();
        if faults.peek().is_none() {
            return Ok(());
        }
        let problem = invalid("change the fields in `errors`");
        Err(faults.fold(problem, |problem, (name, detail)| {
            problem.field(name, detail)
        }))
    }
}

impl Fields {
    /// Parses a JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        let value = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
        Self::of(value).ok_or_else(|| invalid("the body must be a JSON object"))
    }

    /// Parses the objects of a JSON array, the first `LIMIT` of them.
    pub(crate) fn read_each<const LIMIT: usize>(
        body: &[u8],
    ) -> Result<Vec<Result<Self, Problem>>, Problem> {
        let values = serde_json::from_slice(body);
        let FirstOf::<Outermost, LIMIT>(values) = values.map_err(|error| no_array(&error))?;
        let fields = values.into_iter().map(Self::of);
        let no_object = || invalid("it must be a JSON object");
        Ok(fields.map(|fields| fields.ok_or_else(no_object)).collect())
    }

    fn of(Outermost(value): Outermost) -> Option<Self> {
        let Value::Object(given) = value else {
            return None;
        };
        Some(Self {
            too_many: given.len() > MOST_FIELDS,
            given,
            faults: Vec::new(),
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let problem =
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
            return Err(problem.detail("send JSON with `Content-Type: application/json`"));
        }
        Self::read(&http::body(request).await?)
    }
}

/// Returns whether the content type is JSON or has the suffix `+json`, such as a merge patch.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some((family, name)) = media_type(headers).split_once('/') else {
        return false;
    };
    let ends_as_json = name
        .rsplit_once('+')
        .is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"));
    family.eq_ignore_ascii_case("application")
        && (name.eq_ignore_ascii_case("json") || ends_as_json)
}

/// Returns the media type of `Content-Type`, without parameters. Empty if several headers disagree, since a
/// proxy before us may have gone by any of them.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter().map(named);
    let first = lines.next().unwrap_or_default();
    if lines.all(|line| line.eq_ignore_ascii_case(first)) {
        return first;
    }
    ""
}

fn named(line: &HeaderValue) -> &str {
    let kind = line.to_str().unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

fn no_array(error: &serde_json::Error) -> Problem {
    if error.classify() == Category::Data {
        return invalid("the body must be a JSON array");
    }
    no_json(error)
}

/// 400: the body cannot be read at all.
fn no_json(error: &serde_json::Error) -> Problem {
    // The parser names what it expected and where, and quotes nothing.
    Problem::new(StatusCode::BAD_REQUEST, "malformed-json")
        .detail(format!("the body is no JSON: {error}"))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field").detail(detail)
}
