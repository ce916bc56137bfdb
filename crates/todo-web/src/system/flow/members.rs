//! Members as small boxes, in rows.

use super::canvas::{Area, Canvas, shortened};
use crate::{
    system::{
        figures,
        picture::{Member, Service},
    },
    texts::SystemTexts,
};

const HEIGHT: f64 = 42.0;
const GAP: f64 = 8.0;
/// The least width of a member's box.
const WIDTH: f64 = 140.0;
/// The most members that are drawn. The table has all.
const SHOWN: usize = 12;

/// The height of the rows of a service's members, in a box with this inner width.
pub(super) fn rows_height(service: &Service, width: f64) -> f64 {
    let rows = service.members.len().min(SHOWN).div_ceil(columns(width));
    let more = service.members.len() > SHOWN;
    #[expect(clippy::cast_precision_loss, reason = "there are few rows")]
    let rows = rows as f64;
    // Where nobody is, a line says so.
    (rows * (HEIGHT + GAP) - GAP).max(18.0) + if more { 24.0 } else { 0.0 }
}

/// Draws the members, each with what it does in a second.
pub(super) fn draw_rows(
    canvas: &mut Canvas,
    service: &Service,
    area: Area,
    rate: fn(&Member) -> Option<f64>,
    texts: &SystemTexts,
) {
    if service.members.is_empty() {
        canvas.text("small danger", area.x, area.y + 13.0, texts.nobody);
        return;
    }
    let columns = columns(area.width);
    #[expect(clippy::cast_precision_loss, reason = "there are few columns and rows")]
    let place = |index: usize| {
        let width = (area.width - GAP * (columns - 1) as f64) / columns as f64;
        Area {
            x: area.x + (index % columns) as f64 * (width + GAP),
            y: area.y + (index / columns) as f64 * (HEIGHT + GAP),
            width,
            height: HEIGHT,
        }
    };
    let mut shown: Vec<_> = service.members.iter().collect();
    if shown.len() > SHOWN {
        // Members that do not answer come first, so that they are not left out.
        shown.sort_by_key(|member| member.answers);
    }
    for (index, member) in shown.iter().take(SHOWN).enumerate() {
        draw(canvas, member, place(index), rate(member), texts);
    }
    if let Some(more @ 1..) = shown.len().checked_sub(SHOWN) {
        canvas.text(
            "small",
            area.x,
            area.bottom() - 4.0,
            &(texts.and_more)(more),
        );
    }
}

fn columns(width: f64) -> usize {
    if width >= 2.0 * WIDTH + GAP { 2 } else { 1 }
}

fn draw(canvas: &mut Canvas, member: &Member, area: Area, rate: Option<f64>, texts: &SystemTexts) {
    let (class, state) = match (member.answers, member.waits) {
        (false, _) => ("member missing", Some(texts.no_answer.to_owned())),
        (true, true) => ("member waiting", Some(texts.waits.to_owned())),
        (true, false) => ("member", figures::flowing(rate, texts)),
    };
    canvas.group(class, &member.name, |canvas| {
        canvas.rect("chip", area, 8.0);
        let name = shortened(&member.name, area.width - 32.0, 12.5);
        let line = match state {
            Some(_) => area.y + 14.0,
            None => area.middle(),
        };
        canvas.circle("dot", area.x + 13.0, line, 3.5);
        canvas.text("label", area.x + 23.0, line + 4.5, &name);
        if let Some(state) = state {
            let class = match (member.answers, member.waits) {
                (false, _) => "small danger",
                (true, true) => "small amber",
                (true, false) => "small",
            };
            canvas.text(class, area.x + 23.0, area.y + 33.0, &state);
        }
    });
}
