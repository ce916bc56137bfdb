//! Parsing of addresses under `/todos`.

use axum::{
    extract::{FromRequestParts, OriginalUri, RawPathParams},
    http::request::Parts,
};
use events::{ItemId, ListName};
use service::{http, problem::Problem};
use store::Item;

use crate::{
    absent::no_item,
    accept,
    app::{App, named},
    prefer::Prefer,
};

/// A list, and the address by which its callers reach it.
pub(crate) struct Collection {
    pub(super) list: ListName,
    /// The path, such as `/lists/work/todos`.
    pub(super) path: String,
    /// The origin of absolute addresses, such as `http://localhost:8081`; empty if the request does not name
    /// its host.
    origin: String,
}

/// One todo of a list.
pub(crate) struct Entry {
    pub(super) collection: Collection,
    pub(super) id: ItemId,
}

impl Collection {
    /// Address of a todo of the list, for this caller.
    pub(super) fn url_of(&self, id: ItemId) -> String {
        let Self { path, origin, .. } = self;
        format!("{origin}{path}/{id}")
    }

    fn read(parts: &Parts, params: &RawPathParams) -> Result<Self, Problem> {
        accept::expect(&parts.headers, "application/json")?;
        // The nested router removes the prefix with the list.
        let whole = parts.extensions.get::<OriginalUri>();
        let path = whole.map_or(&parts.uri, |whole| &whole.0).path();
        let path = match param(params, "id") {
            Some(_) => path.rsplit_once('/').map_or(path, |(before, _)| before),
            None => path,
        };
        let list = param(params, "list").map_or_else(|| Ok(ListName::default()), str::parse);
        let list = list
            .map_err(|error| Problem::not_found(format!("no list has such a name: it {error}")))?;
        Ok(Self {
            list,
            path: path.to_owned(),
            origin: http::origin(&parts.headers).unwrap_or_default(),
        })
    }
}

impl Entry {
    /// Returns the item, if it is in this list; a todo has one address only.
    ///
    /// Fails with 503 while the database is unavailable, since nothing would be saved in time.
    pub(super) async fn find(&self, app: &App) -> Result<Item, Problem> {
        let item = app.find(self.id, Prefer(None)).await?;
        Some(item)
            .filter(|item| item.list == self.collection.list)
            .ok_or_else(no_item)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Collection {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Self::read(parts, &params)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Entry {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Ok(Self {
            collection: Collection::read(parts, &params)?,
            id: named(param(&params, "id").unwrap_or_default())?,
        })
    }
}

/// Path parameters. One that is not valid text is 404.
async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    params.map_err(|_| Problem::not_found("there is nothing at this address"))
}

fn param<'p>(params: &'p RawPathParams, name: &str) -> Option<&'p str> {
    let mut params = params.iter();
    params
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
}
