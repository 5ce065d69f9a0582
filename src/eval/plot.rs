//! Pictures, as SVG: loss curves and confusion matrices.

use std::io::Write;
use std::path::Path;

use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Confusion;
use crate::file::write_atomically;
use crate::{Error, Result};

/// A line in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Pairs of step and loss, steps ascending. Losses that are not finite leave a gap.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub style: Style,
}

/// How a curve is drawn. Colours go by the order of the curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A thin pale line, for noisy values such as each step's loss.
    Faint,
    /// A line.
    Line,
    /// A line with a dot at each value, for values that were measured now and then.
    Dotted,
}

/// The palette of Okabe and Ito (2008), which colour-blind readers can tell apart.
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
const INK: RGBColor = RGBColor(40, 40, 40);
const GREY: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FAMILY: &str = "Helvetica, Arial, sans-serif";

/// Draws loss curves over steps to an SVG file; `unit` is the losses', such as "nats per token".
///
/// The vertical axis spans the losses, except where the first few are far above all others, as before a network has
/// learned anything: then the axis ends at the 98th percentile of the losses, the line runs along the upper edge, and
/// a note in the picture says so.
///
/// # Errors
/// There must be a finite point to draw, and the file must be writable.
pub fn loss_curves(path: impl AsRef<Path>, title: &str, unit: &str, curves: &[Curve]) -> Result<()> {
    save(path.as_ref(), &draw_loss_curves(title, unit, curves)?)
}

/// Draws a confusion matrix to an SVG file: a row for each true class, a column for each predicted one, in each cell the
/// count and its share of the row, which is also the colour.
///
/// # Errors
/// The file must be writable.
pub fn confusion_matrix(path: impl AsRef<Path>, title: &str, confusion: &Confusion) -> Result<()> {
    save(path.as_ref(), &draw_confusion_matrix(title, confusion)?)
}

fn save(path: &Path, svg: &str) -> Result<()> {
    write_atomically(path, |file| file.write_all(svg.as_bytes()).map_err(Error::io("write", path)))
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A text style of `size` pixels. Plotters writes a font size that is this much smaller than what it is asked for.
fn font(size: f64, color: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    (FAMILY, size * 1.24).into_font().color(&color).pos(Pos::new(h, v))
}

/// About how wide a text is, in pixels. SVG is laid out where it is shown, so there is nothing exact to ask.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

fn draw_loss_curves(title: &str, unit: &str, curves: &[Curve]) -> Result<String> {
    let finite = || curves.iter().flat_map(|curve| &curve.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let mut losses: Vec<f64> = finite().map(|&(_, y)| y).collect();
    if losses.is_empty() {
        return Err(Error::argument("loss_curves", "curves", "at least one finite point", "none"));
    }
    losses.sort_by(f64::total_cmp);
    let axis = Axis::for_losses(&losses);
    let (first, last) = finite().fold((f64::MAX, f64::MIN), |(low, high), &(x, _)| (low.min(x), high.max(x)));
    let last = if last > first { last } else { first + 1.0 };

    let mut svg = String::new();
    {
        let failed = || Error::library("draw the loss curves");
        let root = SVGBackend::with_string(&mut svg, (960, 540)).into_drawing_area();
        root.fill(&WHITE).map_err(failed())?;
        root.draw(&Text::new(title, (480, 16), font(20.0, INK, HPos::Center, VPos::Top))).map_err(failed())?;
        if let Some(note) = axis.note(&losses) {
            root.draw(&Text::new(note, (480, 44), font(13.0, GREY, HPos::Center, VPos::Top))).map_err(failed())?;
        }
        let area = root.margin(66, 12, 14, 30);
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(52)
            .y_label_area_size(72)
            .build_cartesian_2d(first..last, axis.low..axis.high)
            .map_err(failed())?;
        let decimals = if axis.high - axis.low < 0.5 { 3 } else { 2 };
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .x_labels(9)
            .y_labels(9)
            .x_desc("step")
            .y_desc(format!("loss ({unit})"))
            .x_label_formatter(&|step| step_label(*step))
            .y_label_formatter(&|loss| format!("{loss:.decimals$}"))
            .label_style(font(14.0, INK, HPos::Center, VPos::Center))
            .axis_desc_style(font(15.0, INK, HPos::Center, VPos::Center))
            .draw()
            .map_err(failed())?;
        for (curve, color) in curves.iter().zip(COLORS.into_iter().cycle()) {
            let (line, has_dots) = match curve.style {
                Style::Faint => (color.mix(0.4).stroke_width(1), false),
                Style::Line => (color.stroke_width(2), false),
                Style::Dotted => (color.stroke_width(2), true),
            };
            for run in curve.points.split(|(x, y)| !(x.is_finite() && y.is_finite())) {
                let shown: Vec<(f64, f64)> = thinned(run).into_iter().map(|(x, y)| (x, y.min(axis.high))).collect();
                if has_dots || shown.len() == 1 {
                    let dots = shown.iter().map(|&point| Circle::new(point, 4, color.filled()));
                    chart.draw_series(dots).map_err(failed())?;
                }
                chart.draw_series([PathElement::new(shown, line)]).map_err(failed())?;
            }
        }
        draw_legend(&root, curves).map_err(failed())?;
        root.present().map_err(failed())?;
    }
    Ok(svg)
}

/// The legend, in the upper right corner, where a falling loss leaves room.
fn draw_legend(
    root: &Canvas,
    curves: &[Curve],
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>> {
    const SIZE: f64 = 14.0;
    const LINE: i32 = 22;
    let widest = curves.iter().map(|curve| text_width(&curve.name, SIZE)).fold(0.0, f64::max);
    let (right, top) = (960 - 42, 78);
    let (left, bottom) = (right - widest as i32 - 60, top + LINE * curves.len() as i32 + 8);
    root.draw(&Rectangle::new([(left, top), (right, bottom)], WHITE.mix(0.9).filled()))?;
    root.draw(&Rectangle::new([(left, top), (right, bottom)], GRID.stroke_width(1)))?;
    for ((curve, color), row) in curves.iter().zip(COLORS.into_iter().cycle()).zip(0..) {
        let y = top + 4 + LINE * row + LINE / 2;
        let line = match curve.style {
            Style::Faint => color.mix(0.4).stroke_width(1),
            Style::Line | Style::Dotted => color.stroke_width(2),
        };
        root.draw(&PathElement::new(vec![(left + 10, y), (left + 38, y)], line))?;
        if curve.style == Style::Dotted {
            root.draw(&Circle::new((left + 24, y), 4, color.filled()))?;
        }
        root.draw(&Text::new(curve.name.as_str(), (left + 46, y), font(SIZE, INK, HPos::Left, VPos::Center)))?;
    }
    Ok(())
}

/// The span of the vertical axis.
struct Axis {
    low: f64,
    high: f64,
    is_cut: bool,
}

impl Axis {
    /// The axis for ascending, finite losses.
    fn for_losses(losses: &[f64]) -> Axis {
        let (min, max) = (losses[0], losses[losses.len() - 1]);
        let most = losses[(losses.len() - 1) * 98 / 100];
        // Cutting the axis costs the reader some attention: it has to give the other values half as much
        // room again.
        // And among a few values, each one counts.
        let is_cut = losses.len() >= 50 && max - min > 1.5 * (most - min) && most > min;
        let high = if is_cut { most } else { max };
        let margin = if high > min { 0.05 * (high - min) } else { 0.05 * min.abs().max(1.0) };
        Axis { low: min - margin, high: high + margin, is_cut }
    }

    /// What the picture has to say about values that it cuts off.
    fn note(&self, losses: &[f64]) -> Option<String> {
        let above = losses.len() - losses.partition_point(|&loss| loss <= self.high);
        let max = losses[losses.len() - 1];
        (self.is_cut && above > 0)
            .then(|| format!("not to scale at the upper edge: {above} of {} values, up to {max:.2}", losses.len()))
    }
}

/// At most a few thousand of the points, such that the line looks the same: of each of 800 stretches, about a pixel
/// wide, the first, the lowest, the highest and the last point.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const STRETCHES: usize = 800;
    if points.len() <= 4 * STRETCHES {
        return points.to_vec();
    }
    let by_loss = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    let mut kept = Vec::with_capacity(4 * STRETCHES);
    for stretch in 0..STRETCHES {
        let range = stretch * points.len() / STRETCHES..(stretch + 1) * points.len() / STRETCHES;
        let lowest = range.clone().min_by(by_loss).unwrap_or(range.start);
        let highest = range.clone().max_by(by_loss).unwrap_or(range.start);
        let mut four = [range.start, lowest, highest, range.end - 1];
        four.sort_unstable();
        kept.extend(four.map(|index| points[index]));
    }
    kept.dedup();
    kept
}

/// `500`, `20k`, `1.5M`.
fn step_label(step: f64) -> String {
    let (scaled, unit) = match step.abs() {
        size if size >= 1e6 => (step / 1e6, "M"),
        size if size >= 1e4 => (step / 1e3, "k"),
        _ => (step, ""),
    };
    // At most three decimals, and none that are zeros.
    format!("{}{unit}", (scaled * 1e3).round() / 1e3)
}

fn draw_confusion_matrix(title: &str, confusion: &Confusion) -> Result<String> {
    const NAME_SIZE: f64 = 14.0;
    const LONGEST_NAME: usize = 28;
    let names: Vec<String> = confusion.labels().iter().map(|label| shortened(label, LONGEST_NAME)).collect();
    let classes = names.len() as i32;
    let cell: i32 = match classes {
        0..=5 => 92,
        6..=8 => 76,
        _ => 62,
    };
    let widest = names.iter().map(|name| text_width(name, NAME_SIZE)).fold(0.0, f64::max).ceil() as i32;
    let are_names_upright = widest > cell - 8;
    let summary = format!(
        "accuracy {:.1} %, macro-F1 {:.3}, {} examples",
        100.0 * confusion.accuracy(),
        confusion.macro_f1(),
        confusion.total()
    );

    // From the left: the axis title, the names, the cells, the colour bar with its labels.
    let (bar_gap, bar_width, bar_labels) = (28, 16, 54);
    let texts = text_width(title, 20.0).max(text_width(&summary, 13.0)) as i32 + 40;
    let content = 44 + widest + 10 + classes * cell + bar_gap + bar_width + bar_labels;
    let width = content.max(texts);
    let (left, top) = (44 + widest + 10 + (width - content) / 2, 78);
    let (right, bottom) = (left + classes * cell, top + classes * cell);
    let height = bottom + if are_names_upright { widest + 14 } else { 30 } + 34;

    let mut svg = String::new();
    {
        let failed = || Error::library("draw the confusion matrix");
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        let write = |text: &str, at: (i32, i32), style: TextStyle<'static>| {
            root.draw(&Text::new(text.to_owned(), at, style)).map_err(failed())
        };
        root.fill(&WHITE).map_err(failed())?;
        write(title, (width / 2, 16), font(20.0, INK, HPos::Center, VPos::Top))?;
        write(&summary, (width / 2, 44), font(13.0, GREY, HPos::Center, VPos::Top))?;

        for truth in 0..classes {
            let y = top + truth * cell;
            write(&names[truth as usize], (left - 10, y + cell / 2), font(NAME_SIZE, INK, HPos::Right, VPos::Center))?;
            for predicted in 0..classes {
                let x = left + predicted * cell;
                let count = confusion.count(truth as usize, predicted as usize);
                let share = count as f64 / confusion.truths(truth as usize).max(1) as f64;
                let square = [(x, y), (x + cell, y + cell)];
                root.draw(&Rectangle::new(square, heat(share).filled())).map_err(failed())?;
                root.draw(&Rectangle::new(square, WHITE.stroke_width(1))).map_err(failed())?;
                let ink = if share > 0.5 { WHITE } else { INK };
                let (x, y) = (x + cell / 2, y + cell / 2);
                write(&count.to_string(), (x, y - 9), font(16.0, ink, HPos::Center, VPos::Center))?;
                let percent = format!("{:.0} %", 100.0 * share);
                write(&percent, (x, y + 11), font(12.0, ink, HPos::Center, VPos::Center))?;
            }
        }
        for (predicted, name) in (0..classes).zip(&names) {
            let x = left + predicted * cell + cell / 2;
            if are_names_upright {
                let style = font(NAME_SIZE, INK, HPos::Right, VPos::Center);
                write(name, (x, bottom + 10), style.transform(FontTransform::Rotate270))?;
            } else {
                write(name, (x, bottom + 10), font(NAME_SIZE, INK, HPos::Center, VPos::Top))?;
            }
        }
        write("predicted", ((left + right) / 2, height - 12), font(15.0, INK, HPos::Center, VPos::Bottom))?;
        let upright = font(15.0, INK, HPos::Center, VPos::Center).transform(FontTransform::Rotate270);
        write("true", (left - widest - 30, (top + bottom) / 2), upright)?;

        let (bar, steps) = (right + bar_gap, 50);
        for step in 0..steps {
            let y = |step: i32| bottom - (bottom - top) * step / steps;
            let slice = [(bar, y(step + 1)), (bar + bar_width, y(step))];
            root.draw(&Rectangle::new(slice, heat((f64::from(step) + 0.5) / f64::from(steps)).filled()))
                .map_err(failed())?;
        }
        for percent in [0, 50, 100] {
            let y = bottom - (bottom - top) * percent / 100;
            let style = font(12.0, INK, HPos::Left, VPos::Center);
            write(&format!("{percent} %"), (bar + bar_width + 6, y), style)?;
        }
        let caption = font(12.0, GREY, HPos::Center, VPos::Center).transform(FontTransform::Rotate270);
        write("share of the true class", (bar - 11, (top + bottom) / 2), caption)?;
        root.present().map_err(failed())?;
    }
    Ok(svg)
}

/// A colour from near white to dark blue for a share from 0 to 1; its lightness falls evenly.
fn heat(share: f64) -> RGBColor {
    let mix = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)).round() as u8;
    RGBColor(mix(240.0, 8.0), mix(244.0, 64.0), mix(250.0, 129.0))
}

/// At most `longest` characters of a name.
fn shortened(name: &str, longest: usize) -> String {
    if name.chars().count() <= longest {
        return name.to_owned();
    }
    name.chars().take(longest - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, style: Style, points: impl Iterator<Item = (f64, f64)>) -> Curve {
        Curve { name: name.to_owned(), points: points.collect(), style }
    }

    #[test]
    fn a_picture_of_losses_names_its_axes_and_curves() {
        let train = curve("training", Style::Faint, (1..=3000).map(|s| (s as f64, 4.0 + 5.0 / s as f64)));
        let validation = curve("validation <text>", Style::Dotted, [(1000.0, 4.2), (2000.0, f64::NAN)].into_iter());
        let svg = draw_loss_curves("Pre-training", "nats per token", &[train, validation]).unwrap();
        for text in ["Pre-training", "step", "loss (nats per token)", "training", "validation &lt;text&gt;"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
        assert!(svg.contains("values, up to 9.00"), "the axis is cut without a word");
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn odd_curves_are_drawn_and_no_curve_is_an_error() {
        for points in [vec![(1.0, 2.0)], vec![(1.0, 2.0), (2.0, 2.0)], vec![(5.0, 0.0), (6.0, f64::INFINITY)]] {
            draw_loss_curves("x", "nats", &[curve("a", Style::Line, points.into_iter())]).unwrap();
        }
        let error =
            draw_loss_curves("x", "nats", &[curve("a", Style::Line, [(1.0, f64::NAN)].into_iter())]).unwrap_err();
        assert_eq!(error.to_string(), "loss_curves: `curves`: expected at least one finite point, got none");
    }

    #[test]
    fn the_axis_is_cut_only_for_a_spike() {
        let even: Vec<f64> = (0..1000).map(f64::from).collect();
        assert!(!Axis::for_losses(&even).is_cut);
        let mut spiked = vec![1.0; 990];
        spiked.extend((0..10).map(|i| 2.0 + f64::from(i)));
        spiked[..980].iter_mut().enumerate().for_each(|(i, loss)| *loss += i as f64 / 980.0);
        spiked.sort_by(f64::total_cmp);
        let axis = Axis::for_losses(&spiked);
        assert!(axis.is_cut && axis.high < 2.2, "{}", axis.high);
        assert_eq!(axis.note(&spiked).unwrap(), "not to scale at the upper edge: 9 of 1000 values, up to 11.00");
    }

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        points[54_321].1 = 99.0;
        points[12_345].1 = -99.0;
        let kept = thinned(&points);
        assert!(kept.len() <= 3200);
        for index in [0, 12_345, 54_321, 99_999] {
            assert!(kept.contains(&points[index]), "{index}");
        }
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([0.0, 500.0, 12_500.0, 2e6].map(step_label), ["0", "500", "12.5k", "2M"]);
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }

    #[test]
    fn a_confusion_matrix_shows_names_counts_and_shares() {
        let mut confusion = Confusion::new(["early", "a very long name of a class indeed"]).unwrap();
        for (truth, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
            confusion.add(truth, predicted).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("confusion.svg");
        confusion_matrix(&path, "Test speeches", &confusion).unwrap();
        let svg = std::fs::read_to_string(path).unwrap();
        for text in ["early", "a very long name of a class…", "67 %", "33 %", "predicted", "true", "Test speeches"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }
}
