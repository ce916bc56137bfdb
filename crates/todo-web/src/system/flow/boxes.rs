//! The boxes of the picture.

use std::time::Duration;

use super::{
    canvas::{Area, Canvas, shortened},
    members::{draw_rows, rows_height},
};
use crate::{
    system::{
        figures::{self, UNKNOWN},
        picture::{Group, Picture, Service},
    },
    texts::SystemTexts,
};

/// Distance between the edge of a box and its content.
const PADDING: f64 = 14.0;

/// Distance of the members from the top of a service's and of a group's box.
const SERVICE_HEAD: f64 = 40.0;
const GROUP_HEAD: f64 = 112.0;

/// Age from which an event has waited too long.
const LATE: Duration = Duration::from_secs(30);

pub(super) fn service_height(service: &Service, width: f64) -> f64 {
    SERVICE_HEAD + rows_height(service, width - 2.0 * PADDING) + PADDING
}

pub(super) fn group_height(group: &Group, width: f64) -> f64 {
    GROUP_HEAD + rows_height(&group.service, width - 2.0 * PADDING) + PADDING
}

pub(super) fn service_box(canvas: &mut Canvas, service: &Service, area: Area, texts: &SystemTexts) {
    canvas.group("service", "", |canvas| {
        canvas.rect("box", area, 12.0);
        let inside = inside(area, SERVICE_HEAD);
        let rate = figures::flowing(service.publishing(), texts);
        title(canvas, &service.name, area, rate.as_deref());
        draw_rows(
            canvas,
            service,
            inside,
            |member| member.published.rate,
            texts,
        );
    });
}

/// Draws a group with its unsettled events: as a number, and as a curve of the last minute.
pub(super) fn group_box(canvas: &mut Canvas, group: &Group, area: Area, texts: &SystemTexts) {
    let backlog = group.backlog.unwrap_or_default();
    let late = backlog.oldest.is_some_and(|age| age > LATE);
    let class = if late { "service late" } else { "service" };
    canvas.group(class, "", |canvas| {
        canvas.rect("box", area, 12.0);
        let inside = inside(area, GROUP_HEAD);
        let rate = figures::flowing(group.service.handling(), texts);
        title(canvas, &group.service.name, area, rate.as_deref());
        let waiting = group.backlog.map(|all| figures::count(all.unsettled()));
        let waiting = waiting.as_deref().unwrap_or(UNKNOWN);
        let parts = [
            ("big", waiting),
            ("small", "\u{a0}"),
            ("small", texts.waiting),
        ];
        canvas.texts("", inside.x, area.y + 62.0, &parts);
        let curve = Area {
            x: inside.right() - 130.0,
            y: area.y + 36.0,
            width: 130.0,
            height: 28.0,
        };
        draw_curve(canvas, &group.history, curve, texts);
        let hand = figures::count(backlog.in_hand);
        let at_work = backlog.in_hand > 0 && group.is_at_work();
        let hand = at_work.then(|| (texts.in_hand)(&hand));
        let age = figures::age(backlog.oldest, texts).map(|age| (texts.oldest)(&age));
        let line: Vec<_> = hand.into_iter().chain(age).collect();
        canvas.text("small", inside.x, area.y + 86.0, &line.join(" · "));
        if group.dead_letters > 0 {
            let letters = (texts.dead_letters)(&figures::count(group.dead_letters));
            canvas.text("small end danger", inside.right(), area.y + 98.0, &letters);
        }
        draw_rows(
            canvas,
            &group.service,
            inside,
            |member| member.handled.rate,
            texts,
        );
    });
}

pub(super) fn stream_box(canvas: &mut Canvas, picture: &Picture, area: Area, texts: &SystemTexts) {
    let class = if picture.broker { "hub" } else { "hub away" };
    canvas.group(class, "", |canvas| {
        canvas.rect("box", area, 12.0);
        let x = area.center();
        let top = area.middle() - 60.0;
        canvas.text("name middle", x, top, bus::TODO);
        canvas.text("code middle", x, top + 18.0, events::ALL_SUBJECTS);
        let Some(stream) = &picture.stream else {
            let text = if picture.broker {
                texts.not_known
            } else {
                texts.unreachable
            };
            canvas.text("small danger middle", x, top + 54.0, text);
            return;
        };
        let stored = (texts.stored)(&figures::count(stream.events));
        match figures::flowing(stream.rate, texts) {
            Some(rate) => {
                canvas.text("big middle", x, top + 56.0, &rate);
                canvas.text("small middle", x, top + 80.0, &stored);
            }
            None => canvas.text("name middle", x, top + 66.0, &stored),
        }
        let track = Area {
            x: area.x + 2.0 * PADDING,
            y: top + 92.0,
            width: area.width - 4.0 * PADDING,
            height: 6.0,
        };
        let share = figures::share(stream.bytes, stream.limit);
        let width = track.width * share;
        canvas.rect("track", track, 3.0);
        canvas.rect("load", Area { width, ..track }, 3.0);
        let limit = figures::size(stream.limit);
        let filled = (texts.filled)(&figures::percent(share), &limit);
        canvas.text("small middle", x, top + 114.0, &filled);
        if stream.dead_letters > 0 {
            let letters = (texts.dead_letters)(&figures::count(stream.dead_letters));
            canvas.text("small middle danger", x, top + 138.0, &letters);
        }
    });
}

/// A cylinder, as databases are drawn.
pub(super) fn database_box(
    canvas: &mut Canvas,
    picture: &Picture,
    area: Area,
    texts: &SystemTexts,
) {
    let (class, state) = if picture.database {
        ("store", texts.reachable)
    } else {
        ("store away", texts.unreachable)
    };
    canvas.group(class, "", |canvas| {
        let Area { x, width, .. } = area;
        let (rx, ry) = (width / 2.0, 14.0);
        let (top, side) = (area.y + ry, area.height - 2.0 * ry);
        canvas.path(
            "box",
            &format!(
                "M{x:.1} {top:.1}v{side:.1}a{rx:.1} {ry} 0 0 0 {width:.1} 0v-{side:.1}\
                 a{rx:.1} {ry} 0 0 0 -{width:.1} 0a{rx:.1} {ry} 0 0 0 {width:.1} 0"
            ),
        );
        let (x, middle) = (area.center(), area.middle() + 10.0);
        canvas.text("name middle", x, middle - 14.0, "PostgreSQL");
        let class = if picture.database {
            "small middle"
        } else {
            "small middle danger"
        };
        canvas.text(class, x, middle + 6.0, state);
        if let Some(rate) = figures::flowing(picture.saving(), texts) {
            canvas.text("small middle", x, middle + 26.0, &(texts.saves)(&rate));
        }
    });
}

fn inside(area: Area, head: f64) -> Area {
    Area {
        x: area.x + PADDING,
        y: area.y + head,
        width: area.width - 2.0 * PADDING,
        height: area.height - head - PADDING,
    }
}

/// Draws a name, and the rate per second.
fn title(canvas: &mut Canvas, name: &str, area: Area, rate: Option<&str>) {
    let y = area.y + 26.0;
    let shown = shortened(name, area.width - 2.0 * PADDING - 76.0, 15.0);
    canvas.text("name", area.x + PADDING, y, &shown);
    if let Some(rate) = rate {
        canvas.text("rate end", area.right() - PADDING, y, rate);
    }
}

/// The curve of what waited in the last minute, as high as the most, which stands below it. If nothing waited,
/// there is none.
fn draw_curve(canvas: &mut Canvas, history: &[(Duration, u64)], area: Area, texts: &SystemTexts) {
    use std::fmt::Write;

    /// Fewer than these do not fill the curve's height.
    const LEAST: u64 = 10;
    let Some((first, _)) = history.first().filter(|_| history.len() > 1) else {
        return;
    };
    let most = history.iter().map(|(_, waiting)| *waiting).max();
    let most = most.unwrap_or_default();
    if most == 0 {
        return;
    }
    let scale = (texts.most)(&figures::count(most));
    canvas.text("small end", area.right(), area.bottom() + 18.0, &scale);
    let most = most.max(LEAST);
    let x = |age: &Duration| area.right() - area.width * (age.as_secs_f64() / 60.0).min(1.0);
    let bottom = area.bottom();
    let mut course = format!("M{:.1} {bottom:.1}", x(first));
    for (age, waiting) in history {
        let y = bottom - area.height * figures::share(*waiting, most);
        // Writing to a text does not fail.
        let _ = write!(course, "L{:.1} {y:.1}", x(age));
    }
    let last = history.last().map_or(area.right(), |(age, _)| x(age));
    let _ = write!(course, "L{last:.1} {bottom:.1}Z");
    canvas.path("curve", &course);
}
