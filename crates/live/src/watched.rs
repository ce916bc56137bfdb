//! The lists that a subscriber watches.

use std::sync::Arc;

use events::ListName;

/// The lists that a subscriber watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// All lists.
    All,
    /// Some lists, each once and sorted, so that the same lists always compare equal.
    Lists(Arc<[ListName]>),
}

impl Watched {
    /// Watches some lists, named in any order and possibly several times.
    pub fn lists(names: impl IntoIterator<Item = ListName>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        Self::Lists(names.into())
    }

    /// Returns whether the subscriber gets the changes of `list`.
    pub(crate) fn has(&self, list: &ListName) -> bool {
        match self {
            Self::All => true,
            Self::Lists(lists) => lists.contains(list),
        }
    }

    /// Returns the lists, or one `None`, which stands for all.
    pub(crate) fn keys(&self) -> Vec<Option<ListName>> {
        match self {
            Self::All => vec![None],
            Self::Lists(lists) => lists.iter().cloned().map(Some).collect(),
        }
    }
}

impl From<Option<ListName>> for Watched {
    /// Watches one list, or all.
    fn from(list: Option<ListName>) -> Self {
        list.map_or(Self::All, |list| Self::lists([list]))
    }
}

#[cfg(test)]
mod tests {
    use super::Watched;

    #[test]
    fn the_same_lists_are_the_same_however_they_are_named() {
        let lists = |names: &[&str]| Watched::lists(names.iter().map(|name| name.parse().unwrap()));
        assert_eq!(lists(&["b", "a", "b"]), lists(&["a", "b"]));
        assert_ne!(lists(&["a"]), lists(&["a", "b"]));
        assert!(lists(&["a", "b"]).has(&"b".parse().unwrap()));
        assert!(!lists(&["a", "b"]).has(&"c".parse().unwrap()));
    }
}
