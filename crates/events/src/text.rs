//! The texts of items and the names of lists: their rules, and the form in which they are kept.
//!
//! There is one rule, wherever a text comes in. It is brought into the composed form of Unicode (NFC), so
//! that texts that look the same are the same: keyboards and file systems of some makers write `한` as three
//! characters, of others as one. White space around it is removed. Then it must have a visible character,
//! no control characters, and no more characters than its limit, counted as Unicode code points, as JSON
//! Schema and most languages count them. Earlier versions accepted more; [`ItemText::stored`] and
//! [`ListName::stored`] read texts that are left of that.
//!
//! Marks that change the direction of writing (U+202A to U+202E and the like) are allowed in texts and names:
//! they belong to names that are copied from some systems, and each text is shown isolated from the text
//! around it.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::visible::{is_visible, pattern};

/// The reason why a text was refused. The message tells the person who typed it what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// No visible character is left after trimming.
    #[error("must not be empty or blank")]
    Blank,
    /// It has too many characters (Unicode code points, in the composed form).
    #[error("must have at most {limit} characters, has {length}")]
    TooLong {
        /// The greatest length that is allowed.
        limit: usize,
        /// The text's length.
        length: usize,
    },
    /// It has a control character, such as a line break or U+0000.
    #[error("must not have control characters, has U+{:04X}", u32::from(*.0))]
    Control(char),
    /// It is `.` or `..`, which a URL's path resolves to another place: the address of such a list
    /// would lead to another one.
    #[error("must not be `.` or `..`, which lead elsewhere in an address")]
    Dots,
}

/// Returns the composed form of a text, trimmed.
fn composed(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Checks that a text has 1 to `limit` characters and no control characters.
///
/// U+0000 is among them: JSON may contain it, a PostgreSQL text may not, so an event with it could
/// never be saved.
fn plain(text: &str, limit: usize) -> Result<(), InvalidText> {
    if text.is_empty() {
        return Err(InvalidText::Blank);
    }
    let length = text.chars().count();
    if length > limit {
        return Err(InvalidText::TooLong { limit, length });
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(InvalidText::Control(control)),
        None => Ok(()),
    }
}

/// Checks the text of an item, and returns it composed and trimmed.
fn item(text: &str) -> Result<Cow<'_, str>, InvalidText> {
    tidy(text, ItemText::LIMIT)
}

/// Checks the name of a list, and returns it composed and trimmed.
fn name(text: &str) -> Result<Cow<'_, str>, InvalidText> {
    let name = tidy(text, ListName::LIMIT)?;
    if [".", ".."].contains(&&*name) {
        return Err(InvalidText::Dots);
    }
    Ok(name)
}

fn tidy(text: &str, limit: usize) -> Result<Cow<'_, str>, InvalidText> {
    let text = composed(text);
    plain(&text, limit)?;
    if text.chars().any(is_visible) {
        Ok(text)
    } else {
        Err(InvalidText::Blank)
    }
}

macro_rules! tidy_text {
    ($(#[$doc:meta])* $name:ident, $limit:literal, $tidy:ident, $unseen:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The greatest number of characters (Unicode code points), in the composed form.
            pub const LIMIT: usize = $limit;

            /// Returns the regular expression of such texts, for documents. Some texts that do not match
            /// are accepted as well.
            pub fn pattern() -> String {
                pattern($unseen)
            }

            /// Returns the text, composed and trimmed.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes over a text that was accepted before, maybe by an earlier version with a wider
            /// rule: it may have no visible character, and it is not brought into the composed form.
            pub fn stored(text: String) -> Result<Self, InvalidText> {
                let trimmed = text.trim();
                plain(trimmed, $limit)?;
                let shorter = (trimmed.len() < text.len()).then(|| trimmed.to_owned());
                Ok(Self(shorter.unwrap_or(text)))
            }

            pub(crate) fn read_stored<'d, D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
                Self::stored(String::deserialize(from)?).map_err(D::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                $tidy(text).map(|text| Self(text.into_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                let tidied = match $tidy(&text)? {
                    Cow::Borrowed(same) if same.len() == text.len() => None,
                    tidied => Some(tidied.into_owned()),
                };
                Ok(Self(tidied.unwrap_or(text)))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

tidy_text! {
    /// The text of an item: composed and trimmed, 1 to 256 characters of which one is visible, no control
    /// characters.
    ItemText, 256, item, ""
}

tidy_text! {
    /// The name of a list: composed and trimmed, 1 to 64 characters of which one is visible, no control
    /// characters; neither `.` nor `..`.
    ListName, 64, name, "."
}

impl Default for ListName {
    /// Returns the list of items whose publisher named none.
    fn default() -> Self {
        Self("default".to_owned())
    }
}
