//! The members that should respond.

use std::str::FromStr;

/// A number of members of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) service: String,
    pub(crate) count: usize,
}

impl FromStr for Expectation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (service, count) = match text.split_once('=') {
            Some((service, count)) => (service, count.parse().ok()),
            None => (text, Some(1)),
        };
        match count {
            Some(count @ 0..=10_000) if !service.is_empty() => Ok(Self {
                service: service.to_owned(),
                count,
            }),
            _ => Err("expected a service and how many members of it, such as save-handler=3"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expectation;

    #[test]
    fn an_expectation_is_a_service_and_a_number() {
        let some = |service: &str, count| {
            Ok(Expectation {
                service: service.to_owned(),
                count,
            })
        };
        assert_eq!("save-handler=3".parse(), some("save-handler", 3));
        assert_eq!("todo-web".parse(), some("todo-web", 1));
        for wrong in ["", "=1", "a=", "a=x", "a=-1", "a=100000"] {
            assert!(wrong.parse::<Expectation>().is_err(), "{wrong}");
        }
    }
}
