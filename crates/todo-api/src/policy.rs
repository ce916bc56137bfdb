//! Access settings of the API.

use std::num::NonZeroU32;

use axum::{Router, middleware};
use clap::{ArgAction, builder::BoolishValueParser};
use tower_http::cors::CorsLayer;

use crate::{
    condition,
    cors::{self, Origins},
    pace::{self, Pace},
    tokens::{self, Tokens},
};

/// Who may use the API, and how. By default everybody may, except that pages of other origins may use nothing
/// but `/todos` and `/lists/{list}/todos`, which are there for them.
#[derive(clap::Args, Clone, Default)]
pub struct Policy {
    /// The tokens of which a caller must send one as `Authorization: Bearer …`, divided by commas,
    /// each of at least 16 characters. Without any, everybody may use the API.
    #[arg(long, env, hide_env_values = true)]
    pub api_tokens: Option<Tokens>,
    /// The origins whose pages may use the API from a browser, divided by commas, such as
    /// <https://todo.example>, or `*` for all, or `none`. Without it, pages of every origin may use `/todos` and
    /// `/lists/{list}/todos`, and nothing else.
    #[arg(long, env)]
    pub cors_origins: Option<Origins>,
    /// Whether `/todo/{id}` is changed and deleted only for callers who say in `If-Match` in which version
    /// they know it. Those of `/todos` and `/lists/{list}/todos` know no versions, and are not asked.
    #[arg(long, env, default_value = "false", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub require_if_match: bool,
    /// How many requests each caller may send a second: each token, or each address where none is
    /// needed. 0: as many as can be answered.
    #[arg(long, env, default_value = "0")]
    pub requests_per_second: u32,
}

impl Policy {
    /// Requires `If-Match` for changes of an item by the `routes`, if that is set.
    pub(crate) fn condition(&self, routes: Router) -> Router {
        if self.require_if_match {
            routes.layer(middleware::from_fn(condition::require))
        } else {
            routes
        }
    }

    /// The rate limit of each caller, if one is set.
    pub(crate) fn pace(&self) -> Option<Pace> {
        NonZeroU32::new(self.requests_per_second).map(Pace::new)
    }

    /// Requires a token for the `routes`, if any are set, and applies the rate limit `pace`.
    pub(crate) fn guard(&self, routes: Router, pace: Option<Pace>) -> Router {
        let routes = match pace {
            Some(pace) => routes.layer(middleware::from_fn_with_state(pace, pace::keep)),
            None => routes,
        };
        let tokens = self.api_tokens.clone().unwrap_or_default();
        if tokens.is_empty() {
            return routes;
        }
        routes.layer(middleware::from_fn_with_state(tokens, tokens::guard))
    }

    /// Returns whether callers need a token.
    pub(crate) fn asks_for_tokens(&self) -> bool {
        self.api_tokens
            .as_ref()
            .is_some_and(|tokens| !tokens.is_empty())
    }

    /// Allows cross-origin requests to the `routes` as the operator has set, or else by the `usual` layer.
    pub(crate) fn share(&self, routes: Router, usual: Option<CorsLayer>) -> Router {
        let origins = self.cors_origins.clone().unwrap_or_default();
        match origins.layer(usual) {
            Some(layer) => cors::shared(routes, layer),
            None => routes,
        }
    }
}
