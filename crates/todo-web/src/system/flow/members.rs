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
/// How many members are drawn. The table has all.
const SHOWN: usize = 12;

/// How high the rows of a service's members are, in a box that is so wide inside.
pub(super) fn rows_height(service: &Service, width: f64) -> f64 {
    let rows = service.members.len().min(SHOWN).div_ceil(columns(width));
    let more = service.members.len() > SHOWN;
    #[expect(clippy::cast_precision_loss, reason = "there are few rows")]
    let rows = rows as f64;
    // Where nobody is, a line says so.
    (rows * (HEIGHT + GAP) - GAP).max(18.0) + if more { 24.0 } else { 0.0 }
}

/// Draws the members, each with its part of `all` that is done in a second.
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
    let rates = service.members.iter().filter_map(rate);
    let most = rates.fold(0.0, f64::max);
    let mut shown: Vec<_> = service.members.iter().collect();
    if shown.len() > SHOWN {
        // Who is missing must not be among those who are left out.
        shown.sort_by_key(|member| member.answers);
    }
    for (index, member) in shown.iter().take(SHOWN).enumerate() {
        draw(canvas, member, place(index), (rate(member), most), texts);
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

fn draw(
    canvas: &mut Canvas,
    member: &Member,
    area: Area,
    (rate, most): (Option<f64>, f64),
    texts: &SystemTexts,
) {
    let class = if member.answers {
        "member"
    } else {
        "member missing"
    };
    canvas.group(class, &member.name, |canvas| {
        canvas.rect("chip", area, 8.0);
        let name = shortened(&member.name, area.width - 32.0, 12.5);
        let alone = member.answers && rate.is_none();
        let line = if alone { area.middle() } else { area.y + 14.0 };
        canvas.circle("dot", area.x + 13.0, line, 3.5);
        canvas.text("label", area.x + 23.0, line + 4.5, &name);
        if !member.answers {
            canvas.text(
                "small danger",
                area.x + 23.0,
                area.y + 33.0,
                texts.no_answer,
            );
        } else if let Some(rate) = rate {
            let track = Area {
                x: area.x + 12.0,
                y: area.y + 27.0,
                width: area.width - 84.0,
                height: 5.0,
            };
            canvas.rect("track", track, 2.5);
            let part = if most > 0.0 { rate / most } else { 0.0 };
            let width = track.width * part;
            canvas.rect("share", Area { width, ..track }, 2.5);
            let rate = figures::rate(Some(rate), texts);
            canvas.text("small end", area.right() - 12.0, area.y + 33.5, &rate);
        }
    });
}
