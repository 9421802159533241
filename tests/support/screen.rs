//! A screen without a terminal: keys and reports go in, pictures come out.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

use std::fmt::Write;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use spot_tui::app::{
    Effect, Input, LogPanel, Message, Model, Opening, Remembered, Stamped, update,
};
use spot_tui::config::{
    AllowFrom, Aws, Bacalhau, Budget, CloudWatch, Config, Connect, CpuCredits, HostKeyPolicy,
    Image, MatchExec, Network, NodeExtras, Placement, RegionConfig, Replace, Sensor, Ssh,
    UbuntuRelease, Ui,
};
use spot_tui::fleet::{
    Account, Birth, Ec2State, Fleet, InstanceKey, InstanceNews, JobId, JobNews, Lifecycle, Machine,
    News, Phase, Region, RegionNews, Report, Seen, Upkeep,
};
use spot_tui::view::{HitMap, Theme, render};
use tui_logger::{LevelFilter, TuiWidgetState};

/// A moment, in seconds after the start: 2026-11-20 09:00:00 UTC.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_165_200 + second).unwrap()
}

/// A configuration with three regions and seven instances.
pub(crate) fn config() -> Config {
    let region = |name: &str, count, types: &[&str]| RegionConfig {
        region: name.into(),
        machine_types: types.iter().map(|name| (*name).into()).collect(),
        requirements: None,
        availability_zones: Vec::new(),
        image: Image::Ubuntu(UbuntuRelease::Noble),
        lifecycle: Lifecycle::Spot,
        instances_per_region: count,
        spot_price_limit: None,
        instance_storage_gb: 50,
        tags: std::collections::BTreeMap::new(),
    };
    Config {
        deployment: None,
        aws: Aws {
            total_instances: 7,
            username: "ubuntu".into(),
            is_username_given: false,
            ssh_key_name: None,
            public_ssh_key_path: None,
            private_ssh_key_path: None,
            files_directory: "deployment-files".into(),
            scripts_directory: "instance/scripts".into(),
            additional_commands_script: None,
            security_groups: Vec::new(),
            network: Network::Dedicated,
            associate_public_ip: true,
            cpu_credits: CpuCredits::Standard,
            iam_instance_profile: None,
            consistency_window_s: 60,
            tags: std::collections::BTreeMap::new(),
        },
        regions: vec![
            region("us-west-2", None, &["t3.medium", "t3a.medium"]),
            region("eu-west-1", Some(2), &["t3.medium"]),
            region("ap-southeast-2", None, &["t4g.medium"]),
        ],
        machines: Vec::new(),
        placement: Placement::default(),
        replace: Replace::default(),
        lock: false,
        budget: Budget::default(),
        notify: Vec::new(),
        cloudwatch: CloudWatch::default(),
        scale: None,
        fallback: None,
        lease: None,
        hooks: spot_tui::config::Hooks::default(),
        ssh: Ssh {
            config_file: None,
            match_exec: MatchExec::Skip,
            port: None,
            connect: Connect::Public,
            allow_from: AllowFrom::Auto,
            checkip_url: String::new(),
            timeout_s: 300,
            console_timeout_s: 900,
            host_key: HostKeyPolicy::Console,
        },
        bacalhau: Bacalhau::default(),
        sensor: Sensor::default(),
        node: NodeExtras::default(),
        reboot: true,
        ui: Ui::default(),
    }
}

/// What a dashboard with that configuration opens with.
pub(crate) fn opening(size: (u16, u16)) -> Opening {
    Opening {
        config: Some(Arc::new(config())),
        deployment: "spot-7f3a".into(),
        fleet: Fleet::default(),
        upkeep: Upkeep::default(),
        pending_creates: Vec::new(),
        destroys: Vec::new(),
        read_only: None,
        dashboard: true,
        now: at(0),
        size,
        visits: None,
        signs_in_here: false,
        remembered: Remembered::default(),
        past: Vec::new(),
    }
}

/// A machine as EC2 tells of it, running.
pub(crate) fn machine(number: u8, zone: &str) -> Machine {
    Machine {
        id: format!("i-0a1b2c3d4e5f678{number:02x}").into(),
        machine_type: "t3.medium".into(),
        zone: zone.into(),
        vpc: Some("vpc-1".into()),
        name: None,
        birth: Birth {
            lifecycle: Lifecycle::Spot,
            image: Some("ami-0abc".into()),
            spot_request: Some(format!("sir-{number}").into()),
            launched: at(0),
            launch: None,
            creator: Some("alice".into()),
            machine: None,
        },
        seen: Seen {
            state: Ec2State::Running,
            state_reason: None,
            public_ip: Some(std::net::IpAddr::from([203, 0, 113, number])),
            private_ip: Some(std::net::IpAddr::from([10, 0, 0, number])),
            request: None,
        },
    }
}

/// A model with a screen, and what it asked for so far.
pub(crate) struct Screen {
    pub(crate) model: Model,
    pub(crate) theme: Theme,
    pub(crate) effects: Vec<Effect>,
    pub(crate) second: i64,
}

impl Screen {
    /// A screen of a size, as the program opens it. The log panel shows nothing: its lines are
    /// the process's, not the model's.
    pub(crate) fn open(opening: Opening) -> Self {
        let mut model = Model::new(opening);
        let nothing = TuiWidgetState::new().set_default_display_level(LevelFilter::Off);
        model.log_panel = LogPanel::new(nothing);
        Self { model, theme: Theme::colours(), effects: Vec::new(), second: 0 }
    }

    /// The usual screen, with the account known.
    pub(crate) fn new(width: u16, height: u16) -> Self {
        let mut screen = Self::open(opening((width, height)));
        screen.identify();
        screen
    }

    pub(crate) fn send(&mut self, message: Message) -> Vec<Effect> {
        let effects = update(&mut self.model, Stamped { at: at(self.second), message });
        self.model.refresh();
        self.effects.extend(effects.clone());
        effects
    }

    pub(crate) fn report(&mut self, news: News) -> Vec<Effect> {
        self.report_of(JobId(1), news)
    }

    pub(crate) fn report_of(&mut self, job: JobId, news: News) -> Vec<Effect> {
        let report = Report { job, at: at(self.second), news };
        self.send(Message::Report(report))
    }

    pub(crate) fn identify(&mut self) {
        self.report(News::Job(JobNews::Account(Account {
            id: "123456789012".into(),
            creator: "alice".into(),
            arn: "arn:aws:iam::123456789012:user/alice".into(),
            regions: vec!["us-west-2".into()],
        })));
    }

    pub(crate) fn survey(&mut self, region: &str, machines: Vec<Machine>) {
        let fact = RegionNews::Surveyed(machines);
        self.report(News::Region(Region::from(region), fact));
    }

    pub(crate) fn learn(&mut self, key: &InstanceKey, news: InstanceNews) {
        self.report(News::Instance(key.clone(), news));
    }

    pub(crate) fn enter(&mut self, key: &InstanceKey, phase: Phase) {
        self.report(News::Instance(key.clone(), InstanceNews::Entered(phase)));
    }

    /// Presses keys: a character each, and names in angle brackets: `d<Right><Enter>`.
    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        let mut rest = keys;
        let mut effects = Vec::new();
        while let Some(first) = rest.chars().next() {
            let (code, modifiers, used) = match rest.strip_prefix('<') {
                Some(named) => {
                    let (name, _) = named.split_once('>').unwrap();
                    let (code, modifiers) = named_key(name);
                    (code, modifiers, name.len() + 2)
                }
                None => (KeyCode::Char(first), KeyModifiers::NONE, first.len_utf8()),
            };
            rest = &rest[used..];
            effects.extend(self.send(Message::Input(Input::Key(KeyEvent::new(code, modifiers)))));
        }
        effects
    }

    /// The frame and what lies where in it.
    pub(crate) fn draw(&self) -> (Buffer, HitMap) {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut hits = HitMap::default();
        terminal.draw(|frame| hits = render(&self.model, &self.theme, frame)).unwrap();
        (terminal.backend().buffer().clone(), hits)
    }

    /// The frame as text.
    pub(crate) fn text(&self) -> String {
        text(&self.draw().0)
    }

    /// The frame as text, and below it what is not in the default style.
    pub(crate) fn photo(&self) -> String {
        let buffer = self.draw().0;
        format!("{}\n{}", text(&buffer), styles(&buffer))
    }
}

fn named_key(name: &str) -> (KeyCode, KeyModifiers) {
    let plain = |code| (code, KeyModifiers::NONE);
    match name {
        "Enter" => plain(KeyCode::Enter),
        "Esc" => plain(KeyCode::Esc),
        "Up" => plain(KeyCode::Up),
        "Down" => plain(KeyCode::Down),
        "Left" => plain(KeyCode::Left),
        "Right" => plain(KeyCode::Right),
        "Tab" => plain(KeyCode::Tab),
        "End" => plain(KeyCode::End),
        "C-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
        "C-o" => (KeyCode::Char('o'), KeyModifiers::CONTROL),
        "C-y" => (KeyCode::Char('y'), KeyModifiers::CONTROL),
        "C-z" => (KeyCode::Char('z'), KeyModifiers::CONTROL),
        other => panic!("no key is called {other}"),
    }
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.rows() {
        let line: String = y.columns().map(|cell| buffer[cell.as_position()].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Each run of cells in the same style that is not the default: `line: from-to colour modifiers`.
fn styles(buffer: &Buffer) -> String {
    let mut said = String::new();
    for row in buffer.area.rows() {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for place in row.columns() {
            let cell = &buffer[place.as_position()];
            let name = style(cell.fg, cell.bg, cell.modifier);
            match runs.last_mut() {
                Some((_, to, last)) if *last == name => *to = place.x,
                _ => runs.push((place.x, place.x, name)),
            }
        }
        runs.retain(|(_, _, name)| !name.is_empty());
        if !runs.is_empty() {
            let runs: Vec<String> =
                runs.iter().map(|(from, to, name)| format!("{from}-{to} {name}")).collect();
            writeln!(said, "{}: {}", row.y, runs.join(", ")).unwrap();
        }
    }
    said
}

fn style(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    if fg != Color::Reset {
        parts.push(format!("{fg:?}").to_lowercase());
    }
    if bg != Color::Reset {
        parts.push(format!("on {bg:?}").to_lowercase());
    }
    parts.extend(modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    parts.join(" ")
}
