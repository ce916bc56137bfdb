//! Comparison of subjects with wildcards.

/// Returns whether there are subjects that both match; each may have wildcards.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == ">" || other == ">" => return true,
            (Some(one), Some(other)) if one == other || one == "*" || other == "*" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn subjects_overlap_if_some_subject_matches_both() {
        for (one, other) in [
            ("events.todo.>", "events.todo.newitem"),
            ("events.todo.>", "events.>"),
            ("events.todo.>", "*.todo.*"),
            ("events.*.newitem", "events.todo.*"),
            ("a", "a"),
            ("a.>", ">"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("events.todo.>", "events.todo"),
            ("events.todo.>", "demo.hello"),
            ("events.*.newitem", "events.todo.itemsaved"),
            ("a.b", "a"),
        ] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }
}
