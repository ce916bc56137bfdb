//! The view of a visitor: a list, a filter of its items, and a page.

use events::{InvalidText, ItemId, ListName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use store::Cursor;

/// The characters to escape in a path or a query: all but the unreserved ones.
pub(crate) const PLAIN: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A filter of a list's items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Show {
    #[default]
    All,
    Active,
    Completed,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Page {
    /// The end, where new items are.
    #[default]
    Newest,
    /// The whole list, from the start.
    First,
    /// The whole list, from this cursor on.
    After(Cursor),
}

/// A list with a filter and a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) list: ListName,
    pub(crate) show: Show,
    pub(crate) page: Page,
}

/// A [`View`] as the fields of a form: the page that the form is on, and so the page to go back to.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Place {
    list: Option<String>,
    show: Option<String>,
    page: Option<String>,
}

impl Show {
    /// All of them, in the order in which they are offered.
    pub(crate) const EACH: [Self; 3] = [Self::All, Self::Active, Self::Completed];

    /// The value in an address; all items need none.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Active => "active",
            Self::Completed => "completed",
        }
    }

    /// Reads the filter of a query; an unknown one shows all items.
    pub(crate) fn read(name: Option<&str>) -> Self {
        let found = Self::EACH
            .into_iter()
            .find(|show| Some(show.name()) == name);
        found.unwrap_or_default()
    }

    /// The state of the items that are shown: completed, or not; none for all.
    pub(crate) fn completed(self) -> Option<bool> {
        match self {
            Self::All => None,
            Self::Active => Some(false),
            Self::Completed => Some(true),
        }
    }
}

impl View {
    /// The end of a list, with all of its items.
    pub(crate) fn of(list: ListName) -> Self {
        Self {
            list,
            ..Self::default()
        }
    }

    /// Returns a view of this list's newest page with another filter.
    pub(crate) fn showing(&self, show: Show) -> Self {
        Self {
            list: self.list.clone(),
            show,
            page: Page::Newest,
        }
    }

    /// Returns whether this is the default list, of items for which no list was named.
    pub(crate) fn is_default(&self) -> bool {
        self.list == ListName::default()
    }

    /// The list's name in an address.
    pub(crate) fn list_segment(&self) -> String {
        utf8_percent_encode(self.list.as_str(), &PLAIN).to_string()
    }

    /// The address of this view.
    pub(crate) fn address(&self) -> String {
        self.address_with(None)
    }

    /// The address of the whole list's first page.
    pub(crate) fn whole(&self) -> String {
        let page = Page::First;
        let list = self.list.clone();
        Self {
            list,
            page,
            ..Self::default()
        }
        .address()
    }

    /// The address of this view with a notice about an item, such as that it was just changed.
    pub(crate) fn address_about(&self, word: &str, item: ItemId) -> String {
        self.address_with(Some((word, item.to_string())))
    }

    /// The address of this view with a notice about several items.
    pub(crate) fn address_after(&self, word: &str) -> String {
        self.address_with(Some((word, "all".to_owned())))
    }

    fn address_with(&self, more: Option<(&str, String)>) -> String {
        let path = match (self.is_default(), &self.page) {
            (true, Page::Newest) => "/".to_owned(),
            (true, _) => "/list".to_owned(),
            (false, Page::Newest) => format!("/lists/{}", self.list_segment()),
            (false, _) => format!("/lists/{}/all", self.list_segment()),
        };
        let mut query = Vec::new();
        if let Page::After(cursor) = &self.page {
            query.push(("after", cursor.to_string()));
        }
        if self.show != Show::All {
            query.push(("show", self.show.name().to_owned()));
        }
        query.extend(more);
        let query = query.iter().map(|(name, value)| format!("{name}={value}"));
        let query = query.collect::<Vec<_>>().join("&");
        if query.is_empty() {
            path
        } else {
            format!("{path}?{query}")
        }
    }
}

impl Place {
    /// Takes out the list's name if it is invalid, and returns it with the reason.
    pub(crate) fn take_misnamed(&mut self) -> Option<(String, InvalidText)> {
        let invalid = self.list.as_ref()?.parse::<ListName>().err()?;
        Some((self.list.take()?, invalid))
    }

    /// Returns the view that the fields name. They never lead to another site: an invalid page stands for the
    /// newest one, an invalid name for the default list.
    pub(crate) fn view(&self) -> View {
        let list = self.list.as_deref().and_then(|list| list.parse().ok());
        let page = match self.page.as_deref() {
            None => Page::Newest,
            Some("") => Page::First,
            Some(page) => page.parse().map_or(Page::Newest, Page::After),
        };
        View {
            list: list.unwrap_or_default(),
            show: Show::read(self.show.as_deref()),
            page,
        }
    }
}

impl From<&View> for Place {
    fn from(view: &View) -> Self {
        Self {
            list: (!view.is_default()).then(|| view.list.to_string()),
            show: (view.show != Show::All).then(|| view.show.name().to_owned()),
            page: match &view.page {
                Page::Newest => None,
                Page::First => Some(String::new()),
                Page::After(cursor) => Some(cursor.to_string()),
            },
        }
    }
}

impl Place {
    /// The fields that a form needs to carry this place.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [
            ("list", &self.list),
            ("show", &self.show),
            ("page", &self.page),
        ];
        let given = fields.map(|(name, value)| Some((name, value.as_deref()?)));
        given.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_view_has_an_address_of_its_own() {
        let mut view = View::default();
        assert_eq!(view.address(), "/");
        view.show = Show::Active;
        assert_eq!(view.address(), "/?show=active");
        view.page = Page::First;
        assert_eq!(view.address(), "/list?show=active");
        view.list = "책/영화 ?".parse().unwrap();
        assert_eq!(
            view.address(),
            "/lists/%EC%B1%85%2F%EC%98%81%ED%99%94%20%3F/all?show=active"
        );
        assert_eq!(
            view.showing(Show::All).address(),
            "/lists/%EC%B1%85%2F%EC%98%81%ED%99%94%20%3F"
        );
    }

    proptest! {
        #[test]
        fn whatever_a_form_says_leads_to_an_address_of_ours(
            list: Option<String>, show: Option<String>, page: Option<String>,
        ) {
            let view = Place { list, show, page }.view();
            let address = view.address();
            prop_assert!(address.starts_with('/') && !address.starts_with("//"));
            prop_assert!(address.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(Place::from(&view).view().address(), address);
        }
    }
}
