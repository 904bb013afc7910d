//! A chart as SVG, readable on light and on dark pages.

use std::fmt::Write;

use super::axis::{Axis, Scale, label};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 56.0;

/// What the eye can tell apart; further lines begin again.
const COLOURS: [&str; 6] = ["#2f81f7", "#db6d28", "#2da44e", "#a371f7", "#d4447c", "#9a8200"];

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#424a53}.title{font-size:16px;font-weight:600}\
.grid{stroke:#8b949e;stroke-opacity:.3}.line{fill:none;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}";

pub(super) struct Chart {
    pub title: &'static str,
    pub x: Side,
    pub y: Side,
    pub lines: Vec<Line>,
}

/// What an axis says; with its unit.
pub(super) struct Side {
    pub title: &'static str,
    pub scale: Scale,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub name: String,
    /// Ascending.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    pub fn svg(&self) -> String {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let across = Axis::over(self.x.scale, points.clone().map(|(x, _)| *x));
        let up = Axis::over(self.y.scale, points.map(|(_, y)| *y));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{0}\">\n<style>{STYLE}</style>\n<text class=\"title\" x=\"{LEFT}\" y=\"24\">{0}</text>\n",
            escaped(self.title)
        );
        self.grid(&across, &up, &mut svg);
        self.legend(&mut svg);
        for (n, line) in self.lines.iter().enumerate() {
            let places: Vec<_> =
                line.points.iter().map(|(x, y)| (x_of(&across, *x), y_of(&up, *y))).collect();
            draw(&places, COLOURS[n % COLOURS.len()], &mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn grid(&self, across: &Axis, up: &Axis, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for mark in &up.marks {
            let y = y_of(up, *mark);
            put(svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
            let at = y + 4.0;
            let text = label(*mark);
            put(
                svg,
                format_args!("<text x=\"{}\" y=\"{at:.1}\" text-anchor=\"end\">{text}</text>", LEFT - 8.0),
            );
        }
        for mark in &across.marks {
            let x = x_of(across, *mark);
            put(svg, format_args!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
            let at = bottom + 18.0;
            let text = label(*mark);
            put(svg, format_args!("<text x=\"{x:.1}\" y=\"{at}\" text-anchor=\"middle\">{text}</text>"));
        }
        let (middle, low) = (f64::midpoint(LEFT, right), HEIGHT - 12.0);
        let title = escaped(self.x.title);
        put(svg, format_args!("<text x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{title}</text>"));
        let (middle, title) = (f64::midpoint(TOP, bottom), escaped(self.y.title));
        put(
            svg,
            format_args!(
                "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">{title}</text>"
            ),
        );
    }

    fn legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for (n, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            put(svg, format_args!("<path stroke=\"{colour}\" class=\"line\" d=\"M{x} 44h18\"/>"));
            put(svg, format_args!("<text x=\"{}\" y=\"48\">{}</text>", x + 24.0, escaped(&line.name)));
            // Letters of this size are about so wide.
            x += 24.0 + 7.2 * line.name.chars().count() as f64 + 20.0;
        }
    }
}

fn draw(places: &[(f64, f64)], colour: &str, svg: &mut String) {
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    put(svg, format_args!("<polyline class=\"line\" stroke=\"{colour}\" points=\"{path}\"/>"));
    for (x, y) in places {
        put(svg, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"));
    }
}

fn x_of(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)
}

fn y_of(axis: &Axis, value: f64) -> f64 {
    HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("a text takes everything");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_its_titles_and_every_point_inside() {
        let line =
            |name: &str, points: &[(f64, f64)]| Line { name: name.to_owned(), points: points.to_vec() };
        let chart = Chart {
            title: "Rates & <times>",
            x: Side { title: "connections", scale: Scale::Log },
            y: Side { title: "events a second", scale: Scale::Linear },
            lines: vec![line("one", &[(1.0, 10.0), (256.0, 90_000.0)]), line("two", &[(8.0, 50.0)])],
        };
        let svg = chart.svg();
        for text in ["Rates &amp; &lt;times>", ">connections<", ">events a second<", ">one<", ">two<", "dark"]
        {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("cx=\"76.0\"") && svg.contains("cx=\"700.0\""), "{svg}");
        let opened = svg.matches("<text").count();
        assert_eq!(opened, svg.matches("</text>").count());
    }
}
