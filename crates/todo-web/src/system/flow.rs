//! The picture as SVG: publishers, the stream, the groups and the database, with events flowing from
//! one to the next. Wide screens get them side by side, narrow ones one below the other.

mod boxes;
mod canvas;
mod members;

use super::{
    figures,
    picture::{Group, Picture},
};
use crate::texts::SystemTexts;
use boxes::{database_box, group_box, group_height, service_box, service_height, stream_box};
use canvas::{Area, Canvas};

/// Between two boxes of a column, and between a column's name and its first box.
const GAP: f64 = 16.0;
const HEADING: f64 = 30.0;

/// The columns of a wide screen: where each begins, and how wide it is.
const WIDTH: f64 = 1140.0;
const SERVICES: (f64, f64) = (1.0, 218.0);
const STREAM: (f64, f64) = (296.0, 200.0);
const GROUPS: (f64, f64) = (576.0, 340.0);
const DATABASE: (f64, f64) = (984.0, 155.0);

/// Draws the picture for a wide screen.
pub(super) fn wide(picture: &Picture, texts: &SystemTexts) -> String {
    let services = picture.services.iter();
    let services = column(
        SERVICES,
        services.map(|one| service_height(one, SERVICES.1)),
    );
    let groups = picture.groups.iter();
    let groups = column(GROUPS, groups.map(|one| group_height(one, GROUPS.1)));
    let bottom = |column: &[Area]| column.last().map_or(0.0, |last| last.bottom());
    let bottom = bottom(&services).max(bottom(&groups)).max(HEADING + 210.0);
    let stream = Area {
        x: STREAM.0,
        y: HEADING,
        width: STREAM.1,
        height: bottom - HEADING,
    };

    let mut canvas = Canvas::default();
    let headings = [texts.services, texts.stream, texts.groups, texts.database];
    let columns = [SERVICES, STREAM, GROUPS, DATABASE];
    for ((x, _), heading) in columns.into_iter().zip(headings) {
        canvas.text("heading", x, 14.0, heading);
    }
    stream_box(&mut canvas, picture, stream, texts);
    for (service, area) in picture.services.iter().zip(services) {
        service_box(&mut canvas, service, area, texts);
        if service.publishes {
            let course = (area.right(), stream.x);
            let rate = service.publishing();
            across(&mut canvas, course, area.middle(), rate, texts);
        }
    }
    for (Group { service, .. }, area) in picture.groups.iter().zip(&groups) {
        let (from, to) = (stream.right(), area.x);
        let (taken, announced) = (service.handling(), service.publishing());
        across(&mut canvas, (from, to), area.y + 34.0, taken, texts);
        if service.publishes {
            // What a group announces goes back into the stream.
            across(&mut canvas, (to, from), area.y + 72.0, announced, texts);
        }
    }
    draw_groups(&mut canvas, picture, &groups, texts);
    draw_database(&mut canvas, picture, &groups, stream, texts);
    canvas.finish("flow wide", WIDTH, bottom + 1.0, texts.picture)
}

/// The groups where they have their places.
fn draw_groups(canvas: &mut Canvas, picture: &Picture, places: &[Area], texts: &SystemTexts) {
    if places.is_empty() {
        canvas.text("small", GROUPS.0, HEADING + 24.0, texts.no_groups);
    }
    for (group, area) in picture.groups.iter().zip(places) {
        group_box(canvas, group, *area, texts);
    }
}

/// Draws the database beside the groups. Any of them may write to it; which ones do is not known.
fn draw_database(
    canvas: &mut Canvas,
    picture: &Picture,
    groups: &[Area],
    stream: Area,
    texts: &SystemTexts,
) {
    let mut middle = stream.middle();
    if let (Some(first), Some(last)) = (groups.first(), groups.last()) {
        middle = f64::midpoint(first.y, last.bottom());
        let (left, x) = (first.right(), first.right() + 12.0);
        let (top, bottom) = (first.y + 10.0, last.bottom() - 10.0);
        let brace = format!("M{left:.1} {top:.1}H{x:.1}V{bottom:.1}H{left:.1}");
        canvas.path("brace", &brace);
        across(canvas, (x, DATABASE.0), middle, picture.saving(), texts);
    }
    let area = Area {
        x: DATABASE.0,
        y: middle - 70.0,
        width: DATABASE.1,
        height: 140.0,
    };
    database_box(canvas, picture, area, texts);
}

/// The parts of the picture on a narrow screen, one below the other.
struct Stack {
    canvas: Canvas,
    /// The top of the next part.
    y: f64,
}

impl Stack {
    const WIDTH: f64 = 360.0;
    /// Of a box: its line is as wide as two units.
    const INSIDE: f64 = Self::WIDTH - 2.0;

    fn place(&mut self, height: f64) -> Area {
        let area = Area {
            x: 1.0,
            y: self.y,
            width: Self::INSIDE,
            height,
        };
        self.y = area.bottom() + GAP;
        area
    }

    fn heading(&mut self, text: &str) {
        self.canvas.text("heading", 1.0, self.y + 14.0, text);
        self.y += HEADING;
    }

    fn arrow(&mut self, rate: Option<f64>, texts: &SystemTexts) {
        let area = self.place(36.0);
        down(&mut self.canvas, area, rate, texts);
    }
}

/// Draws the picture for a narrow screen.
pub(super) fn tall(picture: &Picture, texts: &SystemTexts) -> String {
    let mut stack = Stack {
        canvas: Canvas::default(),
        y: 0.0,
    };
    stack.heading(texts.services);
    for service in &picture.services {
        let area = stack.place(service_height(service, Stack::INSIDE));
        service_box(&mut stack.canvas, service, area, texts);
    }
    stack.arrow(picture.publishing(), texts);
    stack.heading(texts.stream);
    let area = stack.place(180.0);
    stream_box(&mut stack.canvas, picture, area, texts);
    stack.arrow(picture.handling(), texts);
    stack.heading(texts.groups);
    if picture.groups.is_empty() {
        let area = stack.place(14.0);
        stack
            .canvas
            .text("small", area.x, area.bottom(), texts.no_groups);
    }
    for group in &picture.groups {
        let area = stack.place(group_height(group, Stack::INSIDE));
        group_box(&mut stack.canvas, group, area, texts);
    }
    stack.arrow(picture.saving(), texts);
    stack.heading(texts.database);
    let area = stack.place(130.0);
    let area = Area {
        x: area.x + area.width / 4.0,
        width: area.width / 2.0,
        ..area
    };
    database_box(&mut stack.canvas, picture, area, texts);
    stack.canvas.finish(
        "flow tall",
        Stack::WIDTH,
        area.bottom() + 1.0,
        texts.picture,
    )
}

/// Boxes of these heights, one below the other.
fn column((x, width): (f64, f64), heights: impl Iterator<Item = f64>) -> Vec<Area> {
    let mut y = HEADING;
    let areas = heights.map(|height| {
        let area = Area {
            x,
            y,
            width,
            height,
        };
        y = area.bottom() + GAP;
        area
    });
    areas.collect()
}

/// An arrow across, with how much flows above it.
fn across(
    canvas: &mut Canvas,
    (from, to): (f64, f64),
    y: f64,
    rate: Option<f64>,
    texts: &SystemTexts,
) {
    let ahead = (to - from).signum();
    let (start, tip) = (from + 4.0 * ahead, to - 4.0 * ahead);
    let neck = tip - 8.0 * ahead;
    canvas.group(&pace(rate), "", |canvas| {
        canvas.path("edge", &format!("M{start:.1} {y:.1}H{neck:.1}"));
        let (above, below) = (y - 5.0, y + 5.0);
        canvas.path(
            "tip",
            &format!("M{tip:.1} {y:.1}L{neck:.1} {above:.1}V{below:.1}Z"),
        );
        if let Some(label) = figures::flowing(rate, texts) {
            canvas.text("small middle", f64::midpoint(from, to), y - 9.0, &label);
        }
    });
}

/// An arrow down, with how much flows beside it.
fn down(canvas: &mut Canvas, area: Area, rate: Option<f64>, texts: &SystemTexts) {
    let (x, tip) = (area.center(), area.bottom());
    let neck = tip - 8.0;
    canvas.group(&pace(rate), "", |canvas| {
        canvas.path("edge", &format!("M{x:.1} {:.1}V{neck:.1}", area.y));
        let (left, right) = (x - 5.0, x + 5.0);
        canvas.path(
            "tip",
            &format!("M{x:.1} {tip:.1}L{left:.1} {neck:.1}H{right:.1}Z"),
        );
        if let Some(label) = figures::flowing(rate, texts) {
            canvas.text("small", x + 14.0, area.middle() + 4.0, &label);
        }
    });
}

/// The style of an arrow for a rate.
fn pace(rate: Option<f64>) -> String {
    let pace = match rate.unwrap_or_default() {
        rate if rate < 0.05 => return "arrow".to_owned(),
        rate if rate < 10.0 => "slow",
        rate if rate < 200.0 => "quick",
        _ => "fast",
    };
    format!("arrow flowing {pace}")
}

#[cfg(test)]
mod tests;
