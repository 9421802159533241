//! What the user sees, in text and style, and what his keys ask for.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod narrow;
mod pages;
mod panels;

use std::collections::BTreeMap;

use insta::assert_snapshot;
use jiff::SignedDuration;
use ratatui::style::Color;
use spot_tui::app::{
    Effect, Exit, Input, Message, Panel, Question, QuestionId, Secret, Turn, Wanted,
};
use spot_tui::config::ThemeName;
use spot_tui::fleet::{
    Attempt, DestroyScope, Entry, Failure, FailureKind, Holder, HolderId, HolderKind, HostKey,
    HostKeyTrust, InstanceKey, InstanceNews, Job, JobId, JobNews, Kept, KeptKind, LedgerLine,
    Level, Lifecycle, News, Outcome, Phase, PriceList, Region, RegionNews, RegionPrices, Report,
    SnapshotOf, Step, Thing, Transfer,
};
use spot_tui::view::{Ability, Theme};

use crate::support::screen::{Screen, at, config, machine, opening};

/// The sizes that every state is looked at in.
const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (140, 40), (200, 60)];

/// Seven rows, created with the keyboard, in all kinds of phases.
fn fleet(width: u16, height: u16) -> Screen {
    let mut screen = Screen::new(width, height);
    screen.press("c<Enter><Right><Enter>");
    let keys: Vec<InstanceKey> =
        screen.model.fleet.instances().map(|instance| instance.key.clone()).collect();
    assert_eq!(keys.len(), 7);
    screen.second = 60;
    for region in ["us-west-2", "eu-west-1", "ap-southeast-2"] {
        screen.survey(region, Vec::new());
    }
    for (key, number) in keys.iter().zip(1..7) {
        let region = key.as_str().split('/').next().unwrap();
        let letter = ["a", "b", "c"][usize::from(number) % 3];
        screen.enter(key, Phase::Requesting);
        screen.learn(
            key,
            InstanceNews::Seen(Box::new(machine(number, &format!("{region}{letter}")))),
        );
    }
    screen.second = 120;
    screen.enter(&keys[0], Phase::Ready);
    screen.enter(&keys[1], Phase::Configuring);
    let output = InstanceNews::Output("Setting up docker-ce (5:29.0.1-1~ubuntu.24.04)".into());
    screen.report(News::Instance(keys[1].clone(), output));
    screen.enter(&keys[2], Phase::Uploading(Transfer { sent: 62, total: 100 }));
    screen.enter(&keys[3], Phase::Ready);
    screen.enter(&keys[4], Phase::Interrupted { at: Some(at(230)) });
    screen.enter(&keys[5], Phase::Connecting);
    let refused = Failure::new(
        FailureKind::Permission,
        Step::Launch,
        "InsufficientInstanceCapacity for t3.medium in a, b and c; t3a.medium: the same",
        "Add machine types to the region, or another region.",
    );
    screen.learn(&keys[6], InstanceNews::Tried(attempt()));
    screen.enter(&keys[6], Phase::Failed(refused));
    screen.second = 128;
    screen.send(Message::Clock);
    screen
}

fn attempt() -> Attempt {
    Attempt {
        at: at(100),
        zone: "us-west-2a".into(),
        machine_type: "t3.medium".into(),
        asked: 1,
        given: 0,
        code: Some("InsufficientInstanceCapacity".into()),
        message: Some("There is no Spot capacity available that matches your request.".into()),
        reason: Some("5-10 % a month, within 10 % of the cheapest".into()),
    }
}

fn end(screen: &mut Screen, job: u64, outcome: Outcome) -> Vec<Effect> {
    screen.report_of(JobId(job), News::Job(JobNews::Ended(outcome)))
}

#[test]
fn a_newcomer_is_told_the_next_key() {
    assert_snapshot!("empty_80x24", Screen::new(80, 24).photo());
    let mut opening = opening((80, 24));
    opening.config = None;
    let mut screen = Screen::open(opening);
    for size in SIZES {
        screen.send(Message::Input(Input::Resize(size.0, size.1)));
        assert_snapshot!(format!("welcome_{}x{}", size.0, size.1), screen.photo());
    }
    assert_eq!(screen.press("<Down><Enter>"), [Effect::Turn(Turn::SetUp)]);
    screen.press("<Esc>");
    let text = screen.text();
    assert!(text.contains("spot-tui setup"), "{text}");
    assert!(text.contains("signing in to AWS"), "{text}");
}

#[test]
fn a_fleet_at_work_in_all_sizes() {
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        screen.press("gj ");
        assert_snapshot!(format!("fleet_{width}x{height}"), screen.photo());
    }
}

#[test]
fn the_create_dialog_shows_the_plan_and_asks_again() {
    for (width, height) in SIZES {
        let mut screen = Screen::new(width, height);
        screen.press("c<Down>4");
        assert_snapshot!(format!("create_{width}x{height}"), screen.photo());
    }
    let mut screen = fleet(80, 24);
    screen.press("c3<Enter>");
    assert_snapshot!("create_confirm_80x24", screen.photo());
}

#[test]
fn a_nuke_tells_what_goes_before_it_takes_the_accounts_number() {
    let mut screen = Screen::new(80, 24);
    let effects = screen.press("X");
    let [Effect::Start(look, Job::Inspect(_))] = effects.as_slice() else { panic!("{effects:?}") };
    let look = *look;
    let text = screen.text();
    assert!(text.contains("of account 123456789012") && text.contains("looking"), "{text}");
    assert_eq!(screen.press("123456789012<Enter>"), [], "nobody knows yet what it would be");
    let said = "spot-other by bob, 1 alive: instance i-0b0b (running)".to_owned();
    let news = News::Region(Region::from("eu-west-1"), RegionNews::Said(Level::Info, said));
    screen.send(Message::Report(Report { job: look, at: at(1), news }));
    end(&mut screen, look.0, Outcome::Done);
    let text = screen.text();
    assert!(text.contains("eu-west-1  spot-other by bob, 1 alive: instance i-0b0b"), "{text}");
    let effects = screen.press("<Enter>");
    // What is wanted from now on is on disk before anything ends.
    let [Effect::Persist, Effect::Start(_, Job::Destroy(DestroyScope::Account(_)))] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
}

#[test]
fn a_cleanup_of_nothing_says_so_and_does_nothing() {
    let mut screen = Screen::new(80, 24);
    let effects = screen.press("U");
    let [Effect::Start(look, Job::CleanUp { dry_run: true, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let look = look.0;
    end(&mut screen, look, Outcome::Done);
    let text = screen.text();
    assert!(text.contains("cleanup: there is nothing to remove"), "{text}");
    assert_eq!(screen.press("<Right><Enter>"), []);
}

#[test]
fn destroying_names_what_it_is_aimed_at() {
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        screen.press("d");
        assert_snapshot!(format!("destroy_one_{width}x{height}"), screen.photo());
        screen.press("<Esc>Dal");
        assert_snapshot!(format!("destroy_all_{width}x{height}"), screen.photo());
    }
}

#[test]
fn details_tell_why_and_what_to_do() {
    for (width, height) in SIZES {
        let mut screen = fleet(width, height);
        screen.press("gj<Enter>");
        assert_snapshot!(format!("details_failed_{width}x{height}"), screen.photo());
    }
    let mut screen = fleet(80, 24);
    screen.press("gj");
    let text = screen.text();
    assert!(
        text.contains("launch: InsufficientInstanceCapacity for t3.medium in a, b and c"),
        "{text}"
    );
    screen.press("G");
    let key = screen.model.table.cursor().unwrap().clone();
    let host_key = HostKey {
        openssh: "ssh-ed25519 AAAA".into(),
        fingerprint: "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGLnZ7mA".into(),
        trust: HostKeyTrust::Pinned,
    };
    screen.learn(&key, InstanceNews::HostKey(host_key));
    screen.press("<Enter>");
    assert_snapshot!("details_80x24", screen.photo());
}

#[test]
fn help_shows_the_keymap() {
    for (width, height) in SIZES {
        let mut screen = Screen::new(width, height);
        screen.press("?");
        assert_snapshot!(format!("help_{width}x{height}"), screen.text());
    }
}

#[test]
fn quitting_asks_while_something_changes_and_not_otherwise() {
    let mut screen = Screen::new(80, 24);
    assert_eq!(screen.press("q"), [Effect::Persist, Effect::Quit(Exit::Done)]);
    let mut screen = fleet(80, 24);
    assert_eq!(screen.press("q<Right>"), []);
    assert_snapshot!("quit_80x24", screen.photo());
    assert_eq!(screen.press("<Enter>"), [], "it waits");
    let ended = end(&mut screen, 1, Outcome::Done);
    assert_eq!(ended, [Effect::Persist, Effect::Quit(Exit::Done)]);
}

#[test]
fn the_second_interrupt_asks_nothing() {
    let mut screen = fleet(80, 24);
    assert_eq!(screen.press("<C-c>"), []);
    assert_eq!(screen.press("<C-c>"), [Effect::Persist, Effect::Quit(Exit::Interrupted)]);
}

#[test]
fn a_passphrase_is_masked_and_waits_for_its_turn() {
    let mut screen = fleet(80, 24);
    screen.press("D");
    let (id, text) = (QuestionId(7), "Passphrase for ~/.ssh/id_ed25519".into());
    let question = Question { id, text, wanted: Wanted::Secret };
    screen.send(Message::Asked(question));
    assert!(screen.text().contains("Type 'all' and press Enter"), "the open dialog stays");
    screen.press("<Esc>");
    screen.send(Message::Input(Input::Paste("hunter2\n".into())));
    let text = screen.text();
    assert!(text.contains("Passphrase for ~/.ssh/id_ed25519"), "{text}");
    assert!(text.contains("> •••••••") && !text.contains("hunter2"), "{text}");
    let answer = Effect::Answer(QuestionId(7), Some(Secret::new("hunter2")));
    assert_eq!(screen.press("<Enter>"), [answer]);
}

#[test]
fn a_paste_over_the_table_is_no_command() {
    let mut screen = fleet(80, 24);
    let before = screen.text();
    assert_eq!(screen.send(Message::Input(Input::Paste("Dall\ny\n".into()))), []);
    assert_eq!(screen.text(), before);
}

#[test]
fn a_dialog_acts_on_what_it_named_when_the_rows_have_moved() {
    let mut screen = fleet(140, 40);
    screen.press("Gd");
    let named = screen.model.table.cursor().unwrap().clone();
    let id = screen.model.fleet.get(&named).unwrap().id().unwrap().clone();
    // Bad news moves other rows above the cursor while the dialog is open.
    let others: Vec<InstanceKey> =
        screen.model.fleet.instances().map(|row| row.key.clone()).collect();
    for key in others.iter().filter(|key| **key != named) {
        screen.enter(key, Phase::Interrupted { at: None });
    }
    let effects = screen.press("y");
    let [Effect::Persist, Effect::Start(_, Job::Destroy(DestroyScope::Instances(terminations)))] =
        effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    let terminations: Vec<_> = terminations.values().flatten().collect();
    assert_eq!(terminations.len(), 1);
    assert_eq!(terminations[0].id, id);
}

#[test]
fn too_small_says_so_and_no_size_panics() {
    let mut screen = fleet(80, 24);
    for size in [(0, 0), (1, 1), (20, 5), (59, 15), (60, 14), (300, 3), (3, 300)] {
        screen.send(Message::Input(Input::Resize(size.0, size.1)));
        let text = screen.text();
        if size == (59, 15) {
            assert!(text.starts_with("terminal too small (60x15 needed)"), "{text}");
        }
    }
    for keys in ["d", "D", "c", "c<Enter>", "?", "<Enter>", "q", "l", "/x"] {
        let mut screen = fleet(60, 15);
        screen.press(keys);
        for size in [(60, 15), (61, 16), (500, 15), (60, 200), (1, 1)] {
            screen.send(Message::Input(Input::Resize(size.0, size.1)));
            screen.text();
        }
    }
}

#[test]
fn a_frame_smaller_than_the_model_knows_does_not_panic() {
    let mut screen = fleet(140, 40);
    screen.press("d");
    for (width, height) in [(0, 0), (1, 1), (60, 15), (80, 24)] {
        let backend = ratatui::backend::TestBackend::new(width, height);
        let mut terminal = ratatui::Terminal::new(backend).unwrap();
        terminal
            .draw(|frame| {
                spot_tui::view::render(&screen.model, &screen.theme, frame);
            })
            .unwrap();
    }
}

#[test]
fn ascii_and_mono_lose_nothing() {
    let mut screen = fleet(140, 40);
    screen.theme = Theme::mono().ascii();
    let photo = screen.photo();
    assert!(photo.is_ascii(), "{photo}");
    for word in ["x Failed", "! Interrupted, 1:42 left", "* Ready", "> Uploading   ####----  62 %"]
    {
        assert!(photo.contains(word), "{word} is missing in {photo}");
    }
    let buffer = screen.draw().0;
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(photo.contains("reversed"), "the cursor is seen without colour");
}

#[test]
fn a_read_only_screen_says_why_and_changes_nothing() {
    let mut opening = opening((80, 24));
    opening.read_only = Some("another spot-tui works on this state".into());
    let mut screen = Screen::open(opening);
    screen.identify();
    assert!(screen.text().contains("READ-ONLY: another spot-tui"), "{}", screen.text());
    assert_eq!(screen.press("c"), []);
    assert!(screen.text().contains("WARNING create: read-only, nothing can be created"));
    assert_eq!(screen.press("D"), []);
    assert_eq!(screen.press("q"), [Effect::Quit(Exit::Done)], "and the state is not written");
}

#[test]
fn old_regions_are_named() {
    let mut screen = fleet(140, 40);
    assert!(screen.text().contains("live, 1m ago"), "{}", screen.text());
    let trouble = RegionNews::Unanswered("timed out".into());
    screen.report(News::Region(Region::from("eu-west-1"), trouble));
    assert!(screen.text().contains("old: eu-west-1 1m"), "{}", screen.text());
}

#[test]
fn the_log_shows_what_was_traced_whom_it_is_about_first() {
    use spot_tui::app::LogPanel;
    use tracing_subscriber::prelude::*;
    use tui_logger::{LevelFilter, TuiWidgetState};

    // Other tests trace as well, into the same static ring.
    const TARGET: &str = "the_log_story";
    tui_logger::set_default_level(LevelFilter::Info);
    let layer = tracing_subscriber::registry().with(tui_logger::TuiTracingSubscriberLayer);
    tracing::subscriber::with_default(layer, || {
        tracing::info!(target: TARGET, at = %at(62), "[i-0a1b2c3d4e5f67890 @ 203.0.113.1] SUCCESS: Ready");
        tracing::error!(target: TARGET, "[us-west-2] ERROR: no \x1b[31mcapacity");
        tracing::warn!(target: TARGET, "retrying");
    });
    tui_logger::move_events();
    let mut screen = Screen::new(100, 15);
    let only_ours = TuiWidgetState::new()
        .set_default_display_level(LevelFilter::Off)
        .set_level_for_target(TARGET, LevelFilter::Info);
    screen.model.log_panel = LogPanel::new(only_ours);
    screen.press("l");
    let text = screen.text();
    let lines: Vec<&str> =
        text.lines().skip(3).take(3).map(|line| line.get(9..).unwrap_or_default().trim()).collect();
    assert_eq!(
        lines,
        ["✓ i-0a1b2c3d      Ready", "✗ us-west-2       no capacity", "! the_log_story   retrying",],
        "{text}"
    );
    assert!(text.contains(" 09:01:02  ✓ i-0a1b2c3d"), "by the program's clock: {text}");
}

#[test]
fn the_mouse_selects_what_it_points_at() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut screen = fleet(80, 24);
    screen.press("g");
    let (_, hits) = screen.draw();
    // The third row: three lines of header, a rule and the headings are above the first.
    let event = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 10,
        row: 7,
        modifiers: KeyModifiers::NONE,
    };
    let command = hits.command(event).unwrap();
    screen.send(Message::Command(command));
    assert!(screen.text().lines().nth(7).unwrap().starts_with(" ▌"));
    // The wheel moves what is under it, whatever has the focus.
    screen.press("<Tab>");
    let (_, hits) = screen.draw();
    let wheel = MouseEvent { kind: MouseEventKind::ScrollDown, ..event };
    screen.send(Message::Command(hits.command(wheel).unwrap()));
    assert!(screen.text().lines().nth(8).unwrap().starts_with(" ▌"));
    assert_eq!(screen.model.focus(), Panel::Log);
}

#[test]
fn ten_thousand_rows_cost_a_window() {
    let mut screen = Screen::new(140, 40);
    let machines = (0..10_000).map(|number| {
        let mut machine = machine(1, "us-west-2a");
        machine.id = format!("i-{number:017}").into();
        machine
    });
    screen.survey("us-west-2", machines.collect());
    assert_eq!(screen.model.table.len(), 10_000);
    let text = screen.text();
    assert!(text.contains("1 of 10,000"), "{text}");
    let shown = screen.model.table.window().len();
    assert!(shown < 40, "{shown} rows are looked at for a frame");
    let measured = screen.model.table.sample().count();
    assert!(measured < 100, "{measured} rows are measured for a frame");
}

/// What a ledger of three weeks has: two regions, dearer from week to week, and a day without a price.
fn three_weeks() -> Vec<LedgerLine> {
    let mut lines = Vec::new();
    for (number, region) in [(1, "us-west-2"), (2, "eu-west-1")] {
        let id = format!("i-0a1b2c3d4e5f678{number:02x}");
        lines.push(LedgerLine::Holder(Holder {
            kind: HolderKind::Instance {
                id: id.as_str().into(),
                machine_type: "t3.medium".into(),
                lifecycle: Lifecycle::Spot,
            },
            region: region.into(),
            zone: Some(format!("{region}a").into()),
            deployment: "spot-7f3a".into(),
            machine: None,
            storage_gb: Some(50),
            tags: BTreeMap::new(),
        }));
        for day in 0..20_i64 {
            let from = at(-(day + 1) * 86_400);
            let weekly = f64::from(u8::try_from(20 - day).unwrap()) * 0.11;
            lines.push(LedgerLine::Entry(Entry {
                holder: HolderId::Instance(id.as_str().into()),
                thing: Thing::Compute,
                from,
                until: from + SignedDuration::from_hours(1),
                usd: (day != 4 || number == 1).then_some(weekly * f64::from(number)),
                on_demand: Some(weekly * 3.0),
                end: None,
                is_free: false,
                is_open: false,
            }));
        }
    }
    lines
}

#[test]
fn what_was_spent_is_drawn_day_by_day() {
    for (width, height) in [(80, 24), (140, 40), (200, 60)] {
        let mut opening = opening((width, height));
        opening.fleet.take_over(three_weeks());
        let mut screen = Screen::open(opening);
        screen.identify();
        screen.press("7");
        assert_snapshot!(format!("costs_{width}x{height}"), screen.photo());
    }
    let mut screen = Screen::new(80, 24);
    screen.press("7");
    assert!(screen.text().contains("Nothing was spent yet."), "{}", screen.text());
}

/// What the machine `dev` keeps, and what one of hostile tags does: a root and a home with an instance,
/// and the rest without one.
fn kept() -> Vec<Kept> {
    let home = Kept {
        machine: "dev".into(),
        kind: KeptKind::Home,
        id: "vol-0b1a4c5d6e7f80910".into(),
        zone: Some("us-west-2a".into()),
        gib: Some(200),
        address: None,
        instance: Some("i-0a1b2c3d4e5f67801".into()),
        host_key: None,
        since: Some(at(-40 * 86_400)),
        snapshot: None,
        aside_of: None,
    };
    let root = Kept { kind: KeptKind::Root, id: "vol-0f0e1d2c3b4a59687".into(), ..home.clone() };
    let aside = Kept {
        kind: KeptKind::Aside,
        id: "vol-0c0c0c0c0c0c0c0c0".into(),
        instance: None,
        aside_of: Some(KeptKind::Home),
        ..home.clone()
    };
    let of = SnapshotOf {
        kind: KeptKind::Home,
        is_complete: true,
        is_scheduled: true,
        full_gib: Some(9),
    };
    let snapshot = Kept {
        kind: KeptKind::Snapshot,
        id: "snap-0a0a0a0a0a0a0a0a0".into(),
        instance: None,
        zone: None,
        snapshot: Some(of),
        ..home.clone()
    };
    let address = Kept {
        machine: "prod\u{1b}[31m".into(),
        kind: KeptKind::Address,
        id: "eipalloc-1".into(),
        zone: None,
        gib: None,
        address: Some([203, 0, 113, 9].into()),
        instance: None,
        ..home.clone()
    };
    vec![home, root, aside, snapshot, address]
}

#[test]
fn what_machines_keep_is_a_view_once_there_is_something() {
    for (width, height) in [(80, 24), (140, 40)] {
        let mut screen = Screen::new(width, height);
        screen.press("8");
        assert!(screen.text().contains("No machine keeps anything."), "{}", screen.text());
        screen.press("<Esc>");
        assert!(!screen.text().contains(" 8 kept "), "{}", screen.text());
        let mut dev = machine(1, "us-west-2a");
        dev.birth.machine = Some("dev".into());
        screen.survey("us-west-2", vec![dev]);
        let region = Region::from("us-west-2");
        let list = PriceList {
            gp3: Some(0.08),
            ipv4: Some(0.005),
            snapshot: Some(0.05),
            ..PriceList::default()
        };
        let prices = RegionPrices { list, ..RegionPrices::default() };
        screen.report(News::Region(region.clone(), RegionNews::Prices(prices)));
        screen.report(News::Region(region, RegionNews::Kept(kept())));
        screen.press("8");
        assert_snapshot!(format!("kept_{width}x{height}"), screen.photo());
        // A snapshot counts at the most that it can cost; the address is another machine's.
        screen.press("1d");
        let text = screen.text();
        let words: Vec<&str> = text.split([' ', '\n', '│']).filter(|it| !it.is_empty()).collect();
        let said = words.join(" ");
        assert!(said.contains("What is kept goes on for $48.45 a month at the most."), "{text}");
        assert!(!text.contains("Ends $"), "the price of its type is not known: {text}");
    }
}
