//! Panes, dialogs and themes, in all sizes, and what keys do in them.

use std::collections::BTreeMap;

use spot_tui::app::{Copied, Field, Pane, Remembered};
use spot_tui::config::Ui;
use spot_tui::fleet::market::{History, Quote};
use spot_tui::fleet::{Advice, Band, CommandResult, Pool, PriceList, RegionPrices};

use super::*;

/// A fleet whose rows have said something.
fn talkative(width: u16, height: u16) -> Screen {
    let mut screen = fleet(width, height);
    screen.press("g");
    let key = screen.model.table.cursor().unwrap().clone();
    for line in 0..40 {
        let said = format!("step {line} of 40: {}", if line % 8 == 3 { "slow disk" } else { "ok" });
        screen.report(News::Instance(key.clone(), InstanceNews::Output(said)));
    }
    screen
}

/// The same, with prices of a day.
pub(super) fn priced(width: u16, height: u16) -> Screen {
    let mut screen = talkative(width, height);
    let quote = |hours: i64, usd| Quote { since: at(-3600 * hours), usd };
    let history =
        |quotes: [(i64, f64); 3]| History::new(quotes.map(|(hours, usd)| quote(hours, usd)));
    for region in ["us-west-2", "eu-west-1", "ap-southeast-2"] {
        let pool = |zone: &str, machine_type: &str| Pool {
            zone: format!("{region}{zone}").as_str().into(),
            machine_type: machine_type.into(),
        };
        let prices = RegionPrices {
            spot: BTreeMap::from([
                (pool("a", "t3.medium"), history([(30, 0.0125), (12, 0.0141), (3, 0.0119)])),
                (pool("b", "t3.medium"), history([(30, 0.0162), (20, 0.0158), (6, 0.0171)])),
                (pool("c", "t3.medium"), history([(30, 0.0133), (9, 0.0127), (1, 0.0150)])),
                (pool("a", "t4g.medium"), history([(30, 0.0101), (15, 0.0112), (2, 0.0098)])),
            ]),
            list: PriceList {
                on_demand: BTreeMap::from([("t3.medium".into(), 0.0416)]),
                ipv4: Some(0.005),
                gp3: Some(0.08),
                snapshot: Some(0.05),
            },
            advice: Advice {
                bands: [("t3.medium", 0), ("t4g.medium", 4)]
                    .map(|(name, band)| (name.into(), Band::try_from(band).unwrap()))
                    .into(),
                told: Some(at(0)),
                ..Advice::NONE
            },
        };
        let fact = RegionNews::Prices(prices);
        screen.report(News::Region(region.into(), fact));
    }
    screen.second += 60;
    screen.send(Message::Clock);
    screen
}

#[test]
fn prices_are_drawn_and_stand_in_table_header_and_create_dialog() {
    for (width, height) in SIZES {
        let mut screen = priced(width, height);
        screen.press("$");
        assert_snapshot!(format!("priced_{width}x{height}"), screen.photo());
        screen.press("<Esc>c");
        assert_snapshot!(format!("priced_create_{width}x{height}"), screen.photo());
    }
    let mut screen = priced(200, 60);
    screen.press("Gk");
    let text = screen.text();
    assert!(text.contains("$/H") && text.contains("so far"), "{text}");
}

#[test]
fn each_pane_in_all_sizes() {
    for (name, keys) in [
        ("details", "<Enter>"),
        ("output", "o"),
        ("map", "m"),
        ("prices", "$"),
        ("events", "e"),
        ("zoomed", "4"),
        ("regions", "2"),
        ("grid", "3"),
    ] {
        for (width, height) in SIZES {
            let mut screen = talkative(width, height);
            screen.press(keys);
            assert_snapshot!(format!("pane_{name}_{width}x{height}"), screen.photo());
        }
    }
}

#[test]
fn answers_stand_side_by_side() {
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        let effects = screen.press("ga!df -h /<Enter><Right><Enter>");
        let [Effect::Start(job, Job::Exec(command, instances)), ..] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        assert_eq!(command, "df -h /");
        let keys: Vec<InstanceKey> = instances.iter().map(|row| row.key.clone()).collect();
        assert_eq!(keys.len(), 6, "the one that failed has no address");
        let job = *job;
        for (key, used) in keys.iter().zip([17, 42, 98]) {
            for line in ["Filesystem  Size  Used", &format!("/dev/root    20G  {used}%")] {
                let said = InstanceNews::Output(line.into());
                screen.report_of(job, News::Instance(key.clone(), said));
            }
        }
        let ends = [(&keys[0], true, "exit status 0"), (&keys[3], false, "connect: timed out")];
        for (key, went_well, end) in ends {
            let ran = InstanceNews::CommandResult(CommandResult { went_well, end: end.into() });
            screen.report_of(job, News::Instance(key.clone(), ran));
        }
        assert_snapshot!(format!("pane_answers_{width}x{height}"), screen.photo());
        let effects = screen.press("<Esc>g!uptime<Enter><Right><Enter>");
        assert!(effects.contains(&Effect::Cancel(job)), "the one before is stopped: {effects:?}");
    }
}

#[test]
fn a_single_answer_is_scrolled() {
    let mut screen = fleet(80, 24);
    let effects = screen.press("g!seq 100<Enter>");
    let [Effect::Start(job, Job::Exec(_, instances)), ..] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    for number in 1..=100 {
        let said = InstanceNews::Output(format!("line {number}."));
        screen.report_of(*job, News::Instance(instances[0].key.clone(), said));
    }
    let lines = |screen: &Screen| {
        let text = screen.text();
        let shown: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("line ").map(str::to_owned))
            .collect();
        (shown[0].clone(), shown[shown.len() - 1].clone())
    };
    assert_eq!(lines(&screen).1, "100.");
    screen.press("g");
    assert_eq!(lines(&screen).0, "1.");
    screen.press("<Down>");
    assert_eq!(lines(&screen).0, "2.");
    screen.press("G");
    assert_eq!(lines(&screen).1, "100.");
}

#[test]
fn nothing_is_run_where_nothing_can_be() {
    let mut screen = fleet(140, 40);
    screen.press("gj!");
    assert!(screen.text().contains("no chosen instance has an address yet"), "{}", screen.text());
    screen.model.read_only = Some("another spot-tui works on this state".into());
    assert_eq!(screen.press("g:exec reboot<Enter>"), []);
    assert!(screen.text().contains("read-only, nothing is run"), "{}", screen.text());
}

#[test]
fn each_dialog_in_all_sizes() {
    for (name, keys) in [
        ("palette", ":s"),
        ("columns", "Cjj "),
        ("copy", "Y"),
        ("quit", "q"),
        ("destroy_two", "g  d2"),
        ("destroy_region", "gR"),
    ] {
        for (width, height) in SIZES {
            let mut screen = fleet(width, height);
            screen.press(keys);
            assert_snapshot!(format!("dialog_{name}_{width}x{height}"), screen.photo());
        }
    }
}

#[test]
fn themes_differ_in_colour_and_not_in_words() {
    let ability = Ability { colours: true, unicode: true, truecolour: true, links: false };
    let mut words = Vec::new();
    for (name, theme) in ThemeName::ALL {
        let mut screen = fleet(80, 24);
        screen.press("gj ");
        screen.theme = Theme::named(theme, ability);
        assert_snapshot!(format!("theme_{name}"), screen.photo());
        if theme != ThemeName::Ascii {
            words.push(screen.text());
        }
    }
    assert!(words.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_toast_tells_what_is_done_and_goes_by_itself() {
    let mut screen = fleet(80, 24);
    // The footer has said by then that an instance is taken back.
    screen.second += 15;
    screen.send(Message::Clock);
    end(&mut screen, 1, Outcome::Partly { failed: 1 });
    let text = screen.text();
    assert!(text.contains("create in 3 regions: done, but 1 failed"), "{text}");
    assert!(text.contains("c create"), "the keys stay: {text}");
    screen.second += 9;
    screen.send(Message::Clock);
    assert!(!screen.text().contains("regions: done, but 1 failed"), "the log keeps it");
}

#[test]
fn the_bell_rings_when_it_is_wanted() {
    for wanted in [true, false] {
        let mut opening = opening((80, 24));
        let mut config = config();
        config.ui = Ui { bell: wanted, ..Ui::default() };
        opening.config = Some(std::sync::Arc::new(config));
        let mut screen = Screen::open(opening);
        screen.identify();
        screen.survey("us-west-2", vec![machine(1, "us-west-2a")]);
        let key = screen.model.fleet.instances().next().unwrap().key.clone();
        let notice = InstanceNews::Entered(Phase::Interrupted { at: None });
        let effects = screen.report(News::Instance(key, notice));
        assert_eq!(effects.contains(&Effect::Bell), wanted, "{effects:?}");
    }
}

#[test]
fn a_filter_looks_in_fields_and_the_rest_is_not_destroyed() {
    let mut screen = fleet(140, 40);
    screen.press("/phase:failed region:us<Enter>a");
    let text = screen.text();
    assert!(text.contains("1 marked, 1 of 1, 6 hidden"), "{text}");
    screen.press("<Esc><Esc>");
    assert_eq!(screen.model.table.len(), 7);
}

#[test]
fn marks_are_set_by_range_all_at_once_and_the_other_way_round() {
    let mut screen = fleet(140, 40);
    screen.press("gvjj");
    assert!(screen.text().contains("marking 3, 3 of 7"), "{}", screen.text());
    screen.press("vi");
    assert_eq!(screen.model.table.marks().len(), 4);
    screen.press("a<Esc>");
    assert!(screen.model.table.marks().is_empty());
}

#[test]
fn a_command_is_typed_completed_and_refused() {
    let mut screen = fleet(140, 40);
    screen.press(":so<Tab>age<Enter>");
    assert_eq!(screen.model.table.sort(), (Field::Age, false));
    screen.press(":columns phase region<Enter>");
    let shown: Vec<Field> = screen.model.table.columns.shown().collect();
    assert_eq!(shown, [Field::Phase, Field::Region]);
    screen.press(":sort colour<Enter>");
    assert!(screen.text().contains("'colour' is no column"), "{}", screen.text());
    screen.press("<Esc>:destroy-all<Enter>");
    assert!(screen.text().contains("Type 'all' and press Enter"), "a dialog asks all the same");
}

#[test]
fn the_log_of_an_instance_is_searched_and_follows() {
    let mut screen = talkative(140, 40);
    screen.press("o");
    assert!(screen.text().contains("step 39 of 40"), "{}", screen.text());
    screen.press("/slow<Enter>");
    assert_snapshot!("output_search_140x40", screen.photo());
    screen.press("&");
    let text = screen.text();
    assert!(text.contains("5 lines") && !text.contains("step 38"), "{text}");
    screen.press("/<Esc>G");
    let key = screen.model.table.cursor().unwrap().clone();
    screen.report(News::Instance(key, InstanceNews::Output("the newest".into())));
    assert!(screen.text().contains("the newest"));
}

#[test]
fn events_are_filtered_and_exported() {
    let mut screen = talkative(140, 40);
    let effects = screen.press("e/error<Enter>x");
    let Some(Effect::Export { file, text }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(file, "spot-tui-events-20261120-090208.log");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("ERROR: launch: InsufficientInstanceCapacity"), "{text}");
    let effects = screen.press(":export all.log<Enter>");
    assert!(matches!(&effects[..], [Effect::Export { file, .. }] if file == "all.log"));
}

#[test]
fn what_was_arranged_is_remembered() {
    let mut screen = fleet(140, 40);
    let effects = screen.press("m<Tab>+<Tab><Tab>Ls<Down><Enter>TC <Esc>");
    let Some(Effect::Remember(remembered)) = effects.last() else { panic!("{effects:?}") };
    let again = Remembered::read(&remembered.text()).unwrap();
    assert_eq!(again, **remembered);
    let mut opening = opening((140, 40));
    opening.remembered = again;
    let screen = Screen::open(opening);
    assert_eq!(screen.model.panels.side, Some(Pane::Map));
    assert!(!screen.model.panels.log);
    assert_eq!(screen.model.theme, ThemeName::Dark);
    assert!(!screen.text().contains("REGION"), "the first column is hidden: {}", screen.text());
}

#[test]
fn the_keyboard_is_never_with_a_panel_that_is_not_there() {
    let mut screen = fleet(140, 40);
    screen.press("<Enter>");
    assert_eq!(screen.model.focus(), Panel::Table, "the list keeps it");
    screen.press("<Tab><Tab><Tab>");
    assert_eq!(screen.model.focus(), Panel::Table);
    screen.send(Message::Input(Input::Resize(80, 24)));
    assert_eq!(screen.model.focus(), Panel::Side, "the details hide the table");
    assert!(!screen.text().contains("REGION"), "{}", screen.text());
    screen.press("<Esc>");
    assert_eq!(screen.model.focus(), Panel::Table);
    screen.press("<Tab>");
    assert_eq!(screen.model.focus(), Panel::Log);
    screen.press("L");
    assert_eq!(screen.model.focus(), Panel::Table);
}

#[test]
fn what_is_copied_is_chosen() {
    let mut screen = fleet(140, 40);
    screen.press("g");
    let key = screen.model.table.cursor().unwrap().clone();
    assert_eq!(screen.press("y"), [Effect::Copy("203.0.113.5".into())]);
    assert_eq!(screen.press("Y<Down><Enter>"), [Effect::Copy("i-0a1b2c3d4e5f67805".into())]);
    assert_eq!(screen.press(":copy ssh<Enter>"), [Effect::CopyShell(key.clone())]);
    assert_eq!(screen.press("t"), [Effect::Shell(key)]);
    screen.press("gj");
    assert_eq!(screen.press("t"), [], "the failed row has no address");
    let copied = spot_tui::app::Command::Row(spot_tui::app::RowCommand::Copy(Copied::Id));
    assert_eq!(screen.send(Message::Command(copied)), []);
}

#[test]
fn the_mouse_is_taken_only_when_it_is_asked_for() {
    let mut screen = fleet(80, 24);
    assert!(!screen.model.mouse);
    assert_eq!(screen.press("M"), [Effect::Mouse(true)]);
    assert_eq!(screen.press("M"), [Effect::Mouse(false)]);
}

/// Puts the cursor on a region, where regions are shown.
fn go_to_region(screen: &mut Screen, region: &str) {
    screen.press("g");
    for _ in 0..screen.model.regions.rows().len() {
        if screen.model.region().unwrap().as_str() == region {
            return;
        }
        screen.press("j");
    }
    panic!("{region} is not there: {}", screen.text());
}

#[test]
fn one_goes_from_all_regions_into_one_and_back() {
    let mut screen = fleet(140, 40);
    screen.press("2");
    let text = screen.text();
    assert!(text.contains("FIRST CHOICE") && text.contains("of 3 regions"), "{text}");
    go_to_region(&mut screen, "us-west-2");
    screen.press("<Enter>");
    let text = screen.text();
    assert!(text.contains("/ region:us-west-2") && text.contains("ADDRESS"), "{text}");
    let rows = screen.model.table.len();
    assert!(rows > 0 && rows < 7, "{rows}");
    screen.press("<Esc>");
    assert_eq!(screen.model.table.len(), 7, "all of them again");
    assert!(screen.text().contains("FIRST CHOICE"), "{}", screen.text());
    assert_eq!(screen.model.region().unwrap().as_str(), "us-west-2");
}

#[test]
fn what_is_asked_of_a_region_is_asked_of_all_in_it() {
    let mut screen = fleet(140, 40);
    screen.press("2");
    go_to_region(&mut screen, "eu-west-1");
    screen.press("d");
    let text = screen.text();
    assert!(text.contains("Destroy everything of spot-7f3a in eu-west-1?"), "{text}");
    screen.press("<Esc> ");
    let marked = screen.model.table.marks().len();
    assert_eq!(marked, 2, "{}", screen.text());
    screen.press("3");
    let glyph = screen.text().matches('◆').count();
    assert_eq!(glyph, marked, "marks are seen in each view: {}", screen.text());
}

#[test]
fn the_cells_stand_for_the_rows_and_the_cursor_for_the_same_one() {
    let mut screen = fleet(140, 40);
    screen.press("3");
    let key = screen.model.table.cursor().cloned();
    screen.press("<Right>");
    assert_ne!(screen.model.table.cursor().cloned(), key);
    screen.press("<Left>");
    assert_eq!(screen.model.table.cursor().cloned(), key);
    let cells: usize = screen.model.heat.groups().iter().map(|(_, cells)| cells.len()).sum();
    assert_eq!(cells, 7);
    screen.press("C");
    assert!(screen.text().contains("by cpu"), "{}", screen.text());
}

#[test]
fn a_theme_is_seen_while_its_name_is_typed() {
    let mut screen = fleet(140, 40);
    screen.press(":theme nord");
    assert_eq!(screen.model.shown_theme(), ThemeName::Nord);
    assert_eq!(screen.model.theme, ThemeName::Auto);
    screen.press("<Esc>");
    assert_eq!(screen.model.shown_theme(), ThemeName::Auto, "only looked at");
    screen.press(":theme nord<Enter>");
    assert_eq!(screen.model.shown_theme(), ThemeName::Nord);
}

#[test]
fn the_window_is_called_by_how_the_fleet_is() {
    assert_eq!(spot_tui::view::title(&Screen::new(80, 24).model), "spot-tui spot-7f3a");
    let title = spot_tui::view::title(&fleet(80, 24).model);
    assert_eq!(title, "1 in trouble, 1 interrupted, 2 of 7 ready, spot-tui spot-7f3a");
}
