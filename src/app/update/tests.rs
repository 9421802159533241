mod actions;
mod notify;
mod screen;
mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::app::{
    Counts, Motion, Opening, QuestionId, Remembered, Scope, Secret, TableCommand, Wanted,
};
use crate::config::{
    AllowFrom, Aws, Bacalhau, Budget, CloudWatch, Config, Connect, CpuCredits, HostKeyPolicy,
    Image, MatchExec, Network, NodeExtras, Placement, RegionConfig, Replace, Sensor, Ssh,
    UbuntuRelease, Ui,
};
use crate::fleet::vitals::Vitals;
use crate::fleet::{
    Account, Birth, DestroyScope, Ec2State, Failure, FailureKind, Fleet, Instance, InstanceKey,
    InstanceNews, JobId, JobNews, Lifecycle, LockHolder, LockStanding, Machine, News, Outcome,
    Phase, Region, RegionNews, Report, Seen, Step, Transfer, Upkeep,
};

const REGIONS: [&str; 3] = ["us-west-2", "eu-west-1", "sa-east-1"];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_165_200 + second).unwrap()
}

fn config() -> Config {
    let region = |name: &str| RegionConfig {
        region: name.into(),
        machine_types: vec!["t3.medium".into()],
        requirements: None,
        availability_zones: Vec::new(),
        image: Image::Ubuntu(UbuntuRelease::Noble),
        lifecycle: Lifecycle::Spot,
        instances_per_region: None,
        spot_price_limit: None,
        instance_storage_gb: 50,
        tags: BTreeMap::new(),
    };
    Config {
        deployment: None,
        aws: Aws {
            total_instances: 3,
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
            tags: BTreeMap::new(),
        },
        regions: vec![region(REGIONS[0]), region(REGIONS[1])],
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
        hooks: crate::config::Hooks::default(),
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

fn opening(dashboard: bool) -> Opening {
    Opening {
        config: Some(Arc::new(config())),
        deployment: "spot-7f3a".into(),
        fleet: Fleet::default(),
        upkeep: Upkeep::default(),
        pending_creates: Vec::new(),
        destroys: Vec::new(),
        read_only: None,
        dashboard,
        now: at(0),
        size: (80, 24),
        visits: None,
        signs_in_here: false,
        remembered: Remembered::default(),
        past: Vec::new(),
    }
}

fn model() -> Model {
    Model::new(opening(true))
}

pub(in crate::app) fn machine(id: &str, region: &str, state: Ec2State) -> Machine {
    Machine {
        id: id.into(),
        machine_type: "t3.medium".into(),
        zone: format!("{region}a").into(),
        vpc: None,
        name: None,
        birth: Birth {
            lifecycle: Lifecycle::Spot,
            image: None,
            spot_request: Some("sir-1".into()),
            launched: at(0),
            launch: None,
            creator: None,
            machine: None,
        },
        seen: Seen { state, state_reason: None, public_ip: None, private_ip: None, request: None },
    }
}

fn send(model: &mut Model, second: i64, message: Message) -> Vec<Effect> {
    update(model, Stamped { at: at(second), message })
}

fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    send(model, 0, Message::Command(command))
}

fn report(model: &mut Model, job: u64, news: News) -> Vec<Effect> {
    send(model, 0, Message::Report(Report { job: JobId(job), at: at(0), news }))
}

fn end(model: &mut Model, job: u64, outcome: Outcome) -> Vec<Effect> {
    report(model, job, News::Job(JobNews::Ended(outcome)))
}

fn survey(model: &mut Model, region: &str, machines: Vec<Machine>) -> Vec<Effect> {
    let fact = RegionNews::Surveyed(machines);
    report(model, 0, News::Region(region.into(), fact))
}

fn account() -> JobNews {
    JobNews::Account(Account {
        id: "123456789012".into(),
        creator: "alice".into(),
        arn: "arn".into(),
        regions: Vec::new(),
    })
}

fn running(id: &str) -> (InstanceKey, Machine) {
    (id.into(), machine(id, REGIONS[0], Ec2State::Running))
}

fn last_line(model: &Model) -> &str {
    model.log.events().lines().next_back().map_or("", |line| line.text.as_str())
}

fn question() -> Question {
    Question { id: QuestionId(1), text: "who?".into(), wanted: Wanted::Secret }
}

fn counts(count: u32) -> Counts {
    Counts::from([(Region::from(REGIONS[0]), count)])
}

#[test]
fn planned_rows_are_on_disk_before_the_job_starts() {
    let mut model = model();
    let effects = command(&mut model, Command::create(None));
    let [Effect::Persist, Effect::Start(JobId(1), Job::Create(launches))] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    let planned: Vec<(&str, usize)> =
        launches.iter().map(|launch| (launch.region.as_str(), launch.keys.len())).collect();
    assert_eq!(planned, [("eu-west-1", 1), ("us-west-2", 2)]);
    assert!(launches[0].id.as_str().ends_with("-eu-west-1"));
    assert_ne!(launches[0].id, launches[1].id);
    assert_eq!(model.fleet.len(), 3);
    assert_eq!(model.table.len(), 3);
}

#[test]
fn two_creates_in_one_moment_have_two_launch_ids() {
    let mut model = model();
    command(&mut model, Command::create(Some(counts(1))));
    command(&mut model, Command::create(Some(counts(1))));
    assert_eq!(model.fleet.len(), 2);
}

#[test]
fn a_create_that_cannot_be_is_refused_in_words() {
    let mut model = model();
    assert_eq!(command(&mut model, Command::create(Some(counts(0)))), []);
    assert_eq!(last_line(&model), "nothing to create: every count is 0");
    let unknown = Counts::from([(Region::from("mars-1"), 1)]);
    assert_eq!(command(&mut model, Command::create(Some(unknown))), []);
    assert!(last_line(&model).contains("mars-1 is not in the configuration"));
    command(&mut model, Command::destroy(Scope::Region(REGIONS[0].into())));
    assert_eq!(command(&mut model, Command::create(Some(counts(1)))), []);
    assert!(last_line(&model).contains("us-west-2 is being destroyed"));
    model.read_only = Some("locked".into());
    assert_eq!(command(&mut model, Command::create(None)), []);
    assert_eq!(last_line(&model), "read-only, nothing can be created: locked");
}

#[test]
fn a_create_takes_up_what_is_found_by_its_tags_and_nothing_of_another_deployment() {
    let mut opening = opening(true);
    let (key, machine) = running("i-old");
    let mut old = Instance::planned(key, REGIONS[0].into(), "spot-2025".into(), at(0));
    old.machine = Some(machine);
    old.phase = Phase::Running;
    opening.fleet.insert(old);
    let mut model = Model::new(opening);
    survey(&mut model, REGIONS[0], vec![running("i-lost").1]);
    let effects = command(&mut model, Command::create(Some(counts(1))));
    let [_, Effect::Start(_, Job::Resume(rows)), Effect::Start(_, Job::Create(_))] =
        effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!(rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["i-lost"]);
    let effects = command(&mut model, Command::create(Some(counts(1))));
    assert!(
        !effects.iter().any(|effect| matches!(effect, Effect::Start(_, Job::Resume(_)))),
        "jobs are at work there: {effects:?}"
    );
}

#[test]
fn a_report_by_instance_id_reaches_the_row_that_was_planned() {
    let mut model = model();
    command(&mut model, Command::create(Some(counts(1))));
    let key = model.fleet.instances().next().unwrap().key.clone();
    let seen = InstanceNews::Seen(Box::new(running("i-1").1));
    report(&mut model, 1, News::Instance(key.clone(), seen));
    let failed = InstanceNews::Entered(Phase::Failed(Failure::new(
        FailureKind::Aws,
        Step::Terminate,
        "no",
        "",
    )));
    report(&mut model, 2, News::Instance("i-1".into(), failed));
    assert!(matches!(model.fleet.get(&key).unwrap().phase, Phase::Failed(_)));
}

#[test]
fn destroying_takes_the_living_drops_the_dead_and_leaves_the_dying() {
    let mut model = model();
    survey(
        &mut model,
        REGIONS[0],
        vec![running("i-1").1, running("i-2").1, machine("i-3", REGIONS[0], Ec2State::Stopped)],
    );
    report(&mut model, 9, News::Instance("i-2".into(), InstanceNews::Entered(Phase::Terminating)));
    command(&mut model, Command::create(Some(counts(2))));
    let planned: Vec<InstanceKey> = model
        .fleet
        .instances()
        .filter(|row| row.machine.is_none())
        .map(|row| row.key.clone())
        .collect();
    let failed =
        Phase::Failed(Failure::new(FailureKind::Capacity, Step::Launch, "no capacity", ""));
    report(&mut model, 1, News::Instance(planned[0].clone(), InstanceNews::Entered(failed)));

    let all = model.fleet.instances().map(|row| row.key.clone()).collect();
    let effects = command(&mut model, Command::destroy(Scope::Instances(all)));
    let [Effect::Persist, Effect::Start(_, Job::Destroy(DestroyScope::Instances(terminations)))] =
        effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    let ids: Vec<&str> =
        terminations.values().flatten().map(|termination| termination.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-3"]);
    assert!(model.fleet.get(&planned[0]).is_none(), "it failed before it existed");
    assert!(model.fleet.get(&planned[1]).is_some(), "its job still works on it");
}

#[test]
fn destroying_everything_waits_until_nothing_is_created_any_more() {
    let mut model = model();
    command(&mut model, Command::create(None));
    let effects = command(&mut model, Command::destroy(Scope::All));
    assert_eq!(effects, [Effect::Cancel(JobId(1))]);
    assert_eq!(command(&mut model, Command::create(None)), []);
    let effects = end(&mut model, 1, Outcome::Cancelled);
    let everything = Job::Destroy(DestroyScope::Everything);
    assert_eq!(effects, [Effect::Persist, Effect::Start(JobId(2), everything)]);
    assert!(model.fleet.is_empty(), "what was only planned is gone");
    assert_eq!(command(&mut model, Command::destroy(Scope::All)), []);
}

#[test]
fn only_what_the_state_file_holds_is_written() {
    let mut model = model();
    let key = InstanceKey::from("i-1");
    assert_eq!(survey(&mut model, REGIONS[0], vec![running("i-1").1]), [Effect::Persist]);
    assert_eq!(survey(&mut model, REGIONS[0], vec![running("i-1").1]), []);
    let about = |news| News::Instance(key.clone(), news);
    let uploading = |sent| Phase::Uploading(Transfer { sent, total: 10 });
    let entered = |phase| InstanceNews::Entered(phase);
    assert_eq!(report(&mut model, 1, about(entered(uploading(0)))), [Effect::Persist]);
    assert_eq!(report(&mut model, 1, about(entered(uploading(5)))), []);
    let transferred = InstanceNews::Transferred(Transfer { sent: 7, total: 10 });
    assert_eq!(report(&mut model, 1, about(transferred)), []);
    assert_eq!(report(&mut model, 1, about(InstanceNews::Output("\x1b[1mhi".into()))), []);
    let row = model.fleet.get(&key).unwrap();
    assert_eq!(row.phase, uploading(7));
    assert_eq!(row.last_line.as_deref(), Some("hi"));
}

#[test]
fn a_notice_that_the_node_tells_of_counts_down_once() {
    let mut model = model();
    let (key, machine) = running("i-1");
    survey(&mut model, REGIONS[0], vec![machine]);
    let notice = at(120);
    let vitals = Vitals { spot_notice: Some(notice.to_string()), ..Vitals::default() };
    let seen = |model: &mut Model| {
        let progress = InstanceNews::Vitals(Box::new(vitals.clone()));
        report(model, 1, News::Instance(key.clone(), progress))
    };
    let effects = seen(&mut model);
    let drains = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Start(_, Job::Drain(_))))
    };
    assert!(drains(&effects), "{effects:?}");
    let row = model.fleet.instances().next().unwrap();
    assert_eq!(row.phase, Phase::Interrupted { at: Some(notice) });
    assert!(!drains(&seen(&mut model)), "it is drained once");
}

#[test]
fn a_recommendation_to_rebalance_is_said_once() {
    let mut model = model();
    let (key, machine) = running("i-1");
    survey(&mut model, REGIONS[0], vec![machine]);
    let vitals = Vitals { rebalance: Some(at(0).to_string()), ..Vitals::default() };
    for _ in 0..2 {
        let progress = InstanceNews::Vitals(Box::new(vitals.clone()));
        report(&mut model, 1, News::Instance(key.clone(), progress));
    }
    let said = model.log.events().lines().filter(|line| line.text.contains("recommends"));
    assert_eq!(said.count(), 1);
}

#[test]
fn an_illegal_step_is_said_and_the_last_good_phase_stays() {
    let mut model = model();
    survey(&mut model, REGIONS[0], vec![running("i-1").1]);
    report(&mut model, 1, News::Instance("i-1".into(), InstanceNews::Entered(Phase::Pending)));
    assert_eq!(last_line(&model), "out of turn, ignored: Running cannot become Pending");
    assert_eq!(model.fleet.get(&"i-1".into()).unwrap().phase, Phase::Running);
}

#[test]
fn the_cursor_follows_an_adopted_instance_into_its_planned_row() {
    let mut model = model();
    command(&mut model, Command::create(Some(counts(3))));
    let planned = model.fleet.instances().nth(1).unwrap().key.clone();
    survey(&mut model, REGIONS[0], vec![running("i-1").1]);
    command(&mut model, Command::Table(TableCommand::Select("i-1".into())));
    let fact = InstanceNews::Seen(Box::new(running("i-1").1));
    report(&mut model, 1, News::Instance(planned.clone(), fact));
    assert_eq!(model.table.cursor(), Some(&planned));
    assert_eq!(model.fleet.len(), 3);
}

#[test]
fn ended_jobs_are_remembered_up_to_a_bound() {
    let mut model = model();
    for job in 1..100 {
        command(&mut model, Command::destroy(Scope::Region(REGIONS[0].into())));
        end(&mut model, job, Outcome::Done);
    }
    assert_eq!(model.jobs.len(), 32);
    assert!(model.jobs.contains_key(&JobId(99)));
}

fn phases() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Requesting),
        Just(Phase::Pending),
        Just(Phase::Running),
        Just(Phase::Connecting),
        (0..9u64).prop_map(|sent| Phase::Uploading(Transfer { sent, total: 8 })),
        Just(Phase::Ready),
        Just(Phase::Interrupted { at: Some(at(50)) }),
        Just(Phase::Terminating),
        Just(Phase::Terminated),
        Just(Phase::Failed(Failure::new(FailureKind::Unreachable, Step::Upload, "cut\x1b[2J", ""))),
    ]
}

fn rows() -> impl Strategy<Value = InstanceKey> {
    (0..4u8).prop_map(|number| InstanceKey::new(format!("i-{number}")))
}

fn machines() -> impl Strategy<Value = Vec<Machine>> {
    let states = prop_oneof![
        Just(Ec2State::Pending),
        Just(Ec2State::Running),
        Just(Ec2State::ShuttingDown),
        Just(Ec2State::Terminated),
        Just(Ec2State::Stopped),
    ];
    let one = (0..4u8, states)
        .prop_map(|(number, state)| machine(&format!("i-{number}"), REGIONS[0], state));
    prop::collection::vec(one, 0..4)
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        (rows(), phases())
            .prop_map(|(key, phase)| News::Instance(key, InstanceNews::Entered(phase))),
        (rows(), ".*").prop_map(|(key, line)| News::Instance(key, InstanceNews::Output(line))),
        machines().prop_map(move |machines| {
            News::Region(REGIONS[0].into(), RegionNews::Surveyed(machines))
        }),
        (rows(), machines()).prop_filter_map("no machine", move |(key, machines)| {
            let seen = machines.into_iter().next()?;
            Some(News::Instance(key, InstanceNews::Seen(Box::new(seen))))
        }),
        Just(News::Region(REGIONS[1].into(), RegionNews::Unanswered("no".into()))),
        Just(News::Job(account())),
        Just(News::Job(JobNews::Ended(Outcome::Done))),
        Just(News::Job(JobNews::Ended(Outcome::Cancelled))),
    ]
}

fn keys() -> impl Strategy<Value = KeyEvent> {
    let codes = prop_oneof![
        prop::char::any().prop_map(KeyCode::Char),
        prop::sample::select("cdDRlqsSrgGjk/?yn +-1 all".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Right,
            KeyCode::PageDown,
            KeyCode::End,
            KeyCode::Backspace,
        ]),
    ];
    let modifiers = prop_oneof![
        4 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::SHIFT),
        1 => Just(KeyModifiers::CONTROL),
    ];
    (codes, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        8 => keys().prop_map(|key| Message::Input(Input::Key(key))),
        8 => (0..6u64, news()).prop_map(|(job, news)| {
            Message::Report(Report { job: JobId(job), at: at(0), news })
        }),
        1 => (0..300u16, 0..100u16)
            .prop_map(|(columns, rows)| Message::Input(Input::Resize(columns, rows))),
        1 => ".*".prop_map(|text| Message::Input(Input::Paste(text))),
        1 => (0..4u32).prop_map(|count| Message::Command(Command::create(Some(counts(count))))),
        1 => rows().prop_map(|key| {
            Message::Command(Command::destroy(Scope::Instances(vec![key])))
        }),
        1 => Just(Message::Command(Command::destroy(Scope::All))),
        1 => Just(Message::Command(Command::Press(Press::Move(Motion::PageDown)))),
        1 => Just(Message::Asked(question())),
        1 => Just(Message::Stored(Err("disk full".into()))),
        1 => Just(Message::Signal(Signal::Interrupt)),
    ]
}

proptest! {
    #[test]
    fn no_sequence_of_messages_breaks_the_model(
        messages in prop::collection::vec((0..100i64, messages()), 0..60)
    ) {
        let mut model = model();
        let mut asked = BTreeMap::new();
        for (second, message) in messages {
            for effect in send(&mut model, second, message) {
                if let Effect::Start(id, job) = effect {
                    prop_assert!(asked.insert(id, job).is_none(), "a job number was used twice");
                }
            }
            model.refresh();
            let table = &model.table;
            if let Some(cursor) = table.cursor() {
                prop_assert!(model.fleet.get(cursor).is_some());
                prop_assert!(table.window().contains(cursor) || table.window().is_empty());
            } else {
                prop_assert!(table.is_empty());
            }
            prop_assert!(table.marks().iter().all(|key| model.fleet.get(key).is_some()));
            prop_assert_eq!(model.tally.total + model.tally.terminated, model.fleet.len());
            for row in model.fleet.instances() {
                for step in row.timeline.windows(2) {
                    prop_assert!(step[0].1.may_become(&step[1].1));
                }
            }
        }
    }

    #[test]
    fn a_secret_never_shows_in_what_is_printed(typed in "[a-z]{12}") {
        let mut model = model();
        send(&mut model, 0, Message::Asked(question()));
        for character in typed.chars() {
            let key = KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE);
            send(&mut model, 0, Message::Input(Input::Key(key)));
        }
        let printed = format!("{model:?}");
        prop_assert!(!printed.contains(&typed));
        let effects = command(&mut model, Command::Press(Press::Accept));
        prop_assert_eq!(effects, [Effect::Answer(QuestionId(1), Some(Secret::new(typed)))]);
    }
}

mod hold;
mod login;
mod money;
mod pricing;
mod rebalance;
mod scale;
mod start;
