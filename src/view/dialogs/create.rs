//! The create dialog: how many where, on what, what is there already, and where that is.

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::frame::{WIDEST, buttons, open_wide, room};
use crate::app::dialog::CreateForm;
use crate::app::ranking::{FirstPlace, first_place, has_chance, refusal};
use crate::app::{self, Model, clean, estimate, lock_refusal, surplus_remark};
use crate::config::{Image, RegionConfig, UbuntuRelease};
use crate::fleet::market::History;
use crate::fleet::{Amount, Attempt, Risk};
use crate::view::grid::{Cell, Column, Grid};
use crate::view::map;
use crate::view::money::{dollars, hourly, spark};
use crate::view::offers::risk;
use crate::view::text;
use crate::view::theme::Theme;
use crate::view::{HitMap, Painter, Tone};

/// A row of the create dialog, and what it is drawn with.
struct Plan<'a> {
    config: &'a RegionConfig,
    count: u32,
    is_edited: bool,
    /// How many are there already.
    there: usize,
    /// What each of them costs an hour at the least, where that is known.
    each: Option<f64>,
    /// The place that is asked first, and how its price went.
    first: Option<(FirstPlace<'a>, &'a History)>,
    /// The last launch there, where all that could be asked was refused lately.
    refused: Option<&'a Attempt>,
    now: Timestamp,
}

/// How far back a trend goes.
const TREND: SignedDuration = SignedDuration::from_hours(24);

impl<'a> Plan<'a> {
    fn new(model: &'a Model, config: &'a RegionConfig, count: u32, is_edited: bool) -> Self {
        let region = &config.region;
        let there = model.tally.in_region(region);
        let prices = model.fleet.market().get(region);
        let first = prices.and_then(|prices| {
            let first = first_place(model, config)?;
            let history = prices.spot.get(first.pool)?;
            Some((first, history))
        });
        let is_open = first.as_ref().is_some_and(|(it, _)| has_chance(model, region, it.pool));
        let refused = refusal(model, region, None).filter(|_| !is_open);
        let each = estimate(model, config);
        Self { config, count, is_edited, there, each, first, refused, now: model.now }
    }

    /// Where it would go, or why it may not.
    fn hint(&self) -> Option<Cell> {
        if let Some(attempt) = self.refused {
            let code = attempt.code.as_deref().unwrap_or_default();
            let said = format!("{} {}: {code}", attempt.machine_type, attempt.zone);
            return Some(Cell::toned(Tone::Waiting, clean(&said, 120)));
        }
        let pool = self.first.as_ref()?.0.pool;
        let zone = pool.zone.letter(&self.config.region);
        Some(Cell::plain(format!("{} {zone}", pool.machine_type)))
    }

    /// How often AWS takes back what runs there.
    fn risk(&self) -> Option<Risk> {
        self.first.as_ref()?.0.risk
    }
}

fn plan<'a>() -> [Column<Plan<'a>, Theme>; 15] {
    [
        Column::text("region", "REGION", [14, 0, 14], 0, |row: &Plan<'_>, _, _| {
            Cell::plain(row.config.region.as_str())
        }),
        Column::text("city", "CITY", [8, 0, 13], 14, |row: &Plan<'_>, theme: &Theme, _| {
            let place = map::place(&row.config.region);
            Cell::known(place.map(|place| place.city), theme.glyphs)
        }),
        Column::text("count", "COUNT", [7, 0, 7], 1, |row: &Plan<'_>, _, _| {
            match (row.is_edited, row.count) {
                (true, count) => Cell::toned(Tone::Accent, format!("< {count} >")),
                (false, 0) => Cell::toned(Tone::Dim, "0  "),
                (false, count) => Cell::toned(Tone::Strong, format!("{count}  ")),
            }
        })
        .right(),
        Column::text("there", "HAVE", [5, 0, 5], 3, |row: &Plan<'_>, _, _| {
            Cell::toned(Tone::Dim, row.there.to_string())
        })
        .right(),
        Column::text("then", "THEN", [5, 0, 5], 4, |row: &Plan<'_>, _, _| {
            let tone = if row.count > 0 { Tone::Plain } else { Tone::Dim };
            let then = row.there.saturating_add(usize::try_from(row.count).unwrap_or(usize::MAX));
            Cell::toned(tone, then.to_string())
        })
        .right(),
        Column::text("types", "MACHINE TYPES", [13, 0, 40], 2, |row: &Plan<'_>, _, _| {
            Cell::plain(join(row.config.machine_types.iter()))
        }),
        Column::text("each", "$/H EACH", [8, 0, 8], 5, |row: &Plan<'_>, theme: &Theme, _| {
            Cell::known(row.each.map(hourly), theme.glyphs)
        })
        .right(),
        Column::text("trend", "24 H", [8, 0, 12], 8, |row: &Plan<'_>, theme: &Theme, width| {
            let since = row.now.checked_sub(TREND).unwrap_or(Timestamp::MIN);
            let history = row.first.as_ref().map(|(_, history)| *history);
            let trend = history.map(|history| spark(history, since, row.now, width, theme));
            Cell::toned(Tone::Working, trend.unwrap_or_default())
        }),
        Column::text("risk", "RISK", [6, 0, 8], 7, |row: &Plan<'_>, theme: &Theme, _| {
            row.risk().map_or_else(
                || Cell::known(None::<&str>, theme.glyphs),
                |it| risk(it, theme.glyphs),
            )
        })
        .right(),
        Column::text(
            "record",
            "OUR RECORD",
            [10, 0, 14],
            13,
            |row: &Plan<'_>, theme: &Theme, _| {
                Cell::known(row.risk().and_then(|it| it.record().words()), theme.glyphs)
            },
        )
        .right(),
        Column::text("hint", "FIRST CHOICE", [12, 0, 30], 6, |row: &Plan<'_>, theme: &Theme, _| {
            row.hint().unwrap_or_else(|| Cell::known(None::<&str>, theme.glyphs))
        }),
        Column::text("disk", "GiB", [5, 0, 5], 10, |row: &Plan<'_>, _, _| {
            Cell::plain(row.config.instance_storage_gb.to_string())
        })
        .right(),
        Column::text("lifecycle", "PAID AS", [7, 0, 15], 9, |row: &Plan<'_>, _, _| {
            Cell::plain(row.config.lifecycle.word())
        }),
        Column::text("image", "IMAGE", [12, 0, 21], 11, |row: &Plan<'_>, _, _| {
            Cell::plain(image(row.config))
        }),
        Column::text("zones", "ZONES", [5, 0, 12], 12, |row: &Plan<'_>, _, _| {
            Cell::plain(zones(row.config))
        }),
    ]
}

fn join<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn zones(config: &RegionConfig) -> String {
    if config.availability_zones.is_empty() {
        return "all".to_owned();
    }
    join(config.availability_zones.iter().map(|zone| zone.letter(&config.region).to_owned()))
}

fn image(config: &RegionConfig) -> String {
    match &config.image {
        Image::Ubuntu(UbuntuRelease::Jammy) => "Ubuntu 22.04".to_owned(),
        Image::Ubuntu(UbuntuRelease::Noble) => "Ubuntu 24.04".to_owned(),
        Image::Id(id) => id.to_string(),
    }
}

/// Lines besides the rows and what is said below them: headings, hint, and the space between.
const REST: usize = 3;
/// The columns of the sign of the row in which one is, and the space behind it.
const SIGN: u16 = 2;

/// Draws it.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    form: &CreateForm,
) {
    let said = said(model, form, room(area));
    let rest = said.len() + REST;
    let shown = form.rows.len().min(usize::from(area.height).saturating_sub(rest + 4).max(1));
    let lines = u16::try_from(shown + rest).unwrap_or(area.height);
    let (columns, plans) = (plan(), plans(model, form, shown));
    let rows: Vec<&Plan<'_>> = plans.iter().collect();
    let width = Grid::full_width(&columns, &rows, painter.theme).saturating_add(SIGN).max(WIDEST);
    let title = (Tone::Accent, "Create instances");
    let inside = open_wide(painter, area, title, width, lines);
    let table = Rect { x: inside.x + SIGN, width: inside.width.saturating_sub(SIGN), ..inside };
    let grid = Grid::new(&columns, &rows, painter.theme, painter.theme, table, None);
    grid.headings(painter.buffer);
    for (plan, line) in rows.iter().zip(0..) {
        grid.row(painter.buffer, line, plan);
        if plan.is_edited {
            painter.text(inside, 0, line + 1, Tone::Accent, painter.theme.glyphs.cursor);
        }
    }
    let below = u16::try_from(shown + 2).unwrap_or(lines);
    for ((tone, said), line) in said.iter().zip(below..) {
        painter.text(inside, 0, line, *tone, said);
    }
    ask(painter, hits, (inside, lines - 1), form);
}

/// A row for each region of those that have room.
fn plans<'a>(model: &'a Model, form: &CreateForm, shown: usize) -> Vec<Plan<'a>> {
    let Some(config) = &model.config else { return Vec::new() };
    let top = (form.at + 1).saturating_sub(shown);
    let window = form.rows.iter().enumerate().skip(top).take(shown);
    window
        .filter_map(|(at, (region, count))| {
            let is_cursor = at == form.at && form.choice.is_none();
            Some(Plan::new(model, config.region(region)?, *count, is_cursor))
        })
        .collect()
}

/// What the plan costs an hour at the least, as far as prices are known.
fn cost(model: &Model, plan: &app::CreatePlan) -> String {
    let mut sum = Amount::default();
    for (region, count) in plan.launched() {
        let config = model.config.as_ref().and_then(|config| config.region(&region));
        match config.and_then(|config| estimate(model, config)) {
            Some(each) => sum.usd += each * f64::from(count),
            None => sum.is_partial = true,
        }
    }
    if sum.usd > 0.0 { format!("  {} an hour", dollars(sum)) } else { String::new() }
}

/// What else it may cost: surplus CPU credits, in the region where they are dearest.
fn surplus(model: &Model, plan: &app::CreatePlan) -> Option<String> {
    let config = model.config.as_ref()?;
    let launched = plan.launched();
    let wanted = launched.keys().filter_map(|region| config.region(region));
    wanted.filter_map(|wanted| surplus_remark(config, wanted)).max()
}

/// What the counts come to, or the last question about them, and what is to be known before it is
/// answered: on as many lines as it takes.
fn said(model: &Model, form: &CreateForm, room: usize) -> Vec<(Tone, String)> {
    let regions = form.counts().len();
    let total = usize::try_from(form.total()).unwrap_or(usize::MAX);
    let said = format!("{} in {}", text::count(total, "instance"), text::count(regions, "region"));
    let plan = app::CreatePlan::more(model, &form.counts());
    let cost = cost(model, &plan);
    let already = model.tally.total;
    let said = match form.choice {
        None => said,
        Some(_) if already > 0 => format!("Create {said}, beside {already} others?"),
        Some(_) => format!("Create {said}?"),
    };
    let remark = lock_refusal(model)
        .or_else(|| plan.remark())
        .or_else(|| surplus(model, &plan).map(|most| format!("{most} each")))
        .unwrap_or_default();
    let asked = if text::width(&said) + text::width(&cost) <= room {
        vec![format!("{said}{cost}")]
    } else {
        vec![said, cost.trim_start().to_owned()]
    };
    let strong = asked.into_iter().map(|line| (Tone::Strong, line));
    let remark = text::wrap(&remark, room).into_iter().map(|line| (Tone::Waiting, line));
    strong.chain(remark).collect()
}

/// What comes next: the counts, or the answer to the last question.
fn ask(
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    (inside, line): (Rect, u16),
    form: &CreateForm,
) {
    match form.choice {
        None => {
            let hint = if form.total() == 0 {
                "Type a count for at least one region."
            } else {
                "Type a count, or + and -. Enter asks once more."
            };
            painter.text(inside, 0, line, Tone::Dim, hint);
        }
        Some(yes) => buttons(painter, hits, (inside, line), &["No", "Yes"], usize::from(yes)),
    }
}
