//! Checks of what subscribers show in the end, and of the time that it took.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Check;
use super::state::visible;
use crate::history::{Action, History};
use crate::tables::Row;
use crate::visitor::View;

/// Checks that every subscriber shows the list as it is: each item in its last state and in its place,
/// and none that is deleted. A page shows the end of a list, and items that were there while it was
/// open.
pub(crate) fn up_to_date(rows: &BTreeMap<Uuid, Row>, views: &[View]) -> Check {
    let (mut count, mut problems) = (0, Vec::new());
    for (number, view) in views.iter().enumerate() {
        let shown: BTreeSet<_> = view.rows.iter().map(|row| row.id).collect();
        let mut should = visible(rows, view.list);
        should.retain(|row| row.order >= view.floor || shown.contains(&row.id));
        let longest = should.len().max(view.rows.len());
        if let Some(at) = (0..longest).find(|at| should.get(*at) != view.rows.get(*at)) {
            let (is, should) = (view.rows.get(at), should.get(at));
            let list = view.list;
            problems.push(format!(
                "visitor {number} of {list} sees {is:?} at {at} and should see {should:?}"
            ));
        }
        let strange = view.strange.iter();
        problems.extend(strange.map(|what| format!("visitor {number} was told {what}")));
        count += view.rows.len();
    }
    let found = format!("{} visitors, {count} items", views.len());
    Check::new(UP_TO_DATE, found, problems)
}

pub(crate) const UP_TO_DATE: &str = "visitors see what is";

/// Checks that each accepted item that was not deleted was shown by a subscriber, and measures the time
/// until the first did. Not until all did: a page shows only the end of a list, and an old item when it
/// is moved there, however much later.
pub(crate) fn seen(history: &History, rows: &BTreeMap<Uuid, Row>, views: &[View]) -> Check {
    let (mut times, mut problems) = (Vec::new(), Vec::new());
    for operation in history
        .operations
        .iter()
        .filter(|it| it.wish == Action::Add)
    {
        let (Some(accepted), Some(item)) = (operation.accepted(), operation.item) else {
            continue;
        };
        let seen = views.iter().filter_map(|it| it.first.get(&item)).min();
        if let Some(seen) = seen {
            times.push((seen.saturating_sub(accepted), accepted, item));
        } else if rows.get(&item).is_some_and(|row| !row.item.deleted) {
            problems.push(format!("nobody has seen {item}"));
        }
    }
    times.sort_unstable();
    let at =
        |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    let found = match (at(50), at(99), at(100)) {
        (Some(median), Some(most), Some((worst, accepted, item))) => format!(
            "from yes to seen: median {:.0?}, 99 % {:.1?}, worst {worst:.1?} ({item}, at {:.1} s)",
            median.0,
            most.0,
            accepted.as_secs_f32()
        ),
        _ => "none".to_owned(),
    };
    Check::new("accepted items are seen", found, problems)
}

#[cfg(test)]
mod tests {
    use super::super::state::shown_as;
    use super::*;
    use crate::model::{play, tests::stored};

    fn rows() -> BTreeMap<Uuid, Row> {
        let id = |at: u64| Uuid::from_u128(at.into());
        let events = [1, 2].map(|at| stored(at, "newitem", r#"{"item":"milk"}"#));
        let row = |(id, item)| {
            let row = Row {
                id,
                version: 1,
                item,
            };
            (id, row)
        };
        play(&events, id).items.into_iter().map(row).collect()
    }

    fn view(rows: &[&Row], floor: f64) -> View {
        let mut view = View::default();
        view.list = "default";
        view.rows = rows.iter().map(|row| shown_as(row)).collect();
        view.floor = floor;
        view
    }

    #[test]
    fn a_visitor_who_sees_too_little_too_much_or_an_older_state_is_found() {
        let whole = f64::NEG_INFINITY;
        let mut rows = rows();
        let kept = rows.clone();
        let kept: Vec<_> = kept.values().collect();
        let judge = |rows: &BTreeMap<Uuid, Row>, view| up_to_date(rows, &[view]).passed();
        assert!(judge(&rows, view(&kept, whole)));
        assert!(!judge(&rows, view(&[kept[1], kept[0]], whole)));
        assert!(!judge(&rows, view(&kept[1..], whole)));
        assert!(judge(&rows, view(&kept[1..], 7.0)));
        rows.get_mut(&kept[0].id).unwrap().version = 2;
        assert!(!judge(&rows, view(&kept, whole)));
        rows.get_mut(&kept[0].id).unwrap().item.deleted = true;
        assert!(!judge(&rows, view(&kept, whole)));
        assert!(judge(&rows, view(&kept[1..], whole)));
    }

    #[test]
    fn what_no_browser_understands_is_found() {
        let mut view = view(&[], 7.0);
        assert!(up_to_date(&rows(), std::slice::from_ref(&view)).passed());
        view.strange.push("nonsense".to_owned());
        assert!(!up_to_date(&rows(), &[view]).passed());
    }
}
