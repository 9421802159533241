//! `notify`: who is told what. `--test` tells each target something, at once and beside the outbox;
//! `--send` delivers what waits, where no dashboard does.

use std::collections::BTreeSet;
use std::io::{IsTerminal, stdout};

use crate::cli;
use crate::config::{Config, NotifyVia};
use crate::fleet::{DeploymentId, Digest, Level, Notification, NotificationKind, notification_id};
use crate::headless::{Format, Sent, SentState, Tested, print_delivered, print_sent, print_tested};
use crate::notify::Attempt;
use crate::retry::NOTIFY_TIMEOUT;
use crate::runtime::announce::Announcer;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::notify_targets;
use crate::runtime::recall::Want;
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::startup::read_config;
use crate::runtime::stderr;
use crate::runtime::stdout::{Stdout, print};
use crate::runtime::stop::Stop;
use crate::store::{Outbox, Paths, StateFile};

/// `notify`.
pub(in crate::runtime) async fn notify(
    environment: &Environment,
    args: &cli::Notify,
) -> Result<ExitCode, Stop> {
    if args.test {
        return test(environment, args.json).await;
    }
    if args.send {
        return send(environment, args.json).await;
    }
    Ok(list(environment, args.json))
}

/// What is in the outbox. Nothing is changed.
fn list(environment: &Environment, json: bool) -> ExitCode {
    let outbox = Outbox::new(&Paths::new(&environment.global.state));
    let (held, sent, unread) = read(&outbox);
    let code = readable(&outbox, unread);
    // Of what cannot be read at all, that there is nothing would be no answer.
    if code == ExitCode::DONE || !held.is_empty() || !sent.is_empty() {
        print_sent(Stdout, &held, &sent, json);
    }
    code
}

/// Says what of the outbox cannot be read.
fn readable(outbox: &Outbox, unread: usize) -> ExitCode {
    let trouble = match outbox.check() {
        Err(error) => error.failure().to_string(),
        Ok(()) if unread > 0 => format!("{unread} files of what is to be told cannot be read"),
        Ok(()) => return ExitCode::DONE,
    };
    stderr::print(&format!("ERROR: {trouble}"));
    ExitCode::FAILED
}

/// What is in no message yet, and the messages: what is over first; and how many files cannot be read.
fn read(outbox: &Outbox) -> (Vec<Notification>, Vec<Sent>, usize) {
    let waiting = outbox.read();
    let unread = waiting.unread;
    let over = outbox.closed().into_iter().map(|it| Sent {
        target: it.target,
        id: it.id,
        title: it.title,
        count: it.count,
        seen: it.seen,
        tries: it.tries,
        state: match it.given_up {
            None => SentState::Delivered(it.at),
            Some(why) => SentState::GivenUp(it.at, why),
        },
    });
    let waits = waiting.deliveries.into_iter().map(|it| Sent {
        id: it.digest.id.clone(),
        title: it.digest.title(),
        count: it.digest.count(),
        seen: it.digest.at,
        target: it.target,
        tries: it.tries,
        state: SentState::Waits(it.next, it.why),
    });
    (waiting.notifications, over.chain(waits).collect(), unread)
}

/// Tells each target that it can be told something, and says what came of it.
async fn test(environment: &Environment, json: bool) -> Result<ExitCode, Stop> {
    let config = named(environment)?;
    let deployment = deployment(environment, &config);
    let access = environment.access.clone();
    let now = access.now();
    let targets =
        notify_targets::open(config.notify.clone(), access, environment.home.clone()).await;
    let notification = Notification {
        id: notification_id(&deployment, NotificationKind::Test, "test", &now.to_string()),
        at: now,
        kind: NotificationKind::Test,
        level: Level::Info,
        deployment,
        region: None,
        about: "test".to_owned(),
        text: "this is how spot-tui tells you something".to_owned(),
        to: Vec::new(),
    };
    let Some(digest) = Digest::of([&notification]) else { return Ok(ExitCode::DONE) };
    let mut code = ExitCode::DONE;
    for wanted in &config.notify {
        let name = &wanted.name;
        let Some(target) = targets.get(name) else {
            if wanted.via == NotifyVia::Terminal {
                let tested = Tested {
                    target: name.clone(),
                    place: String::new(),
                    is_delivered: !json && stdout().is_terminal(),
                    said: in_terminal(&digest, json).to_owned(),
                };
                print_tested(Stdout, &tested, json);
            }
            continue;
        };
        let why = match target.deliver(&digest, now, NOTIFY_TIMEOUT).await {
            Attempt::Delivered => None,
            Attempt::Later(why, _)
            | Attempt::Missing(why)
            | Attempt::Refused(why)
            | Attempt::Gone(why) => Some(why),
        };
        if why.is_some() {
            code = ExitCode::FAILED;
        }
        let tested = Tested {
            target: name.clone(),
            place: target.place(),
            is_delivered: why.is_none(),
            said: why.map_or_else(|| "delivered".to_owned(), |why| format!("not delivered: {why}")),
        };
        print_tested(Stdout, &tested, json);
    }
    Ok(code)
}

fn in_terminal(digest: &Digest, json: bool) -> &'static str {
    if json || !stdout().is_terminal() {
        return "this is no terminal";
    }
    print(&Announcer::of(|name| std::env::var(name).ok()).sequence(digest));
    "was sent to this terminal, which does not say whether it shows it"
}

/// Delivers what can be delivered now, and says what became of each message. Fails unless all arrived.
async fn send(environment: &Environment, json: bool) -> Result<ExitCode, Stop> {
    let config = Some(named(environment)?);
    let outbox = Outbox::new(&Paths::new(&environment.global.state));
    let is_over = |it: &Sent| !matches!(it.state, SentState::Waits(..));
    let name = |it: &Sent| (it.target.clone(), it.id.clone());
    let (_, before, _) = read(&outbox);
    let before: BTreeSet<_> = before.iter().filter(|it| is_over(it)).map(name).collect();
    let (want, need, format) = (Want::Write, Need::Nothing, Format::Silent);
    let start = Start { environment, config, want, need, format };
    // What is told by the way is told; the outbox empties itself at the end.
    let code = Session::run(start, async |_| Ok(ExitCode::DONE)).await?;
    let (held, mut sent, unread) = read(&outbox);
    sent.retain(|it| !is_over(it) || !before.contains(&name(it)));
    print_delivered(Stdout, &sent, json);
    let all_went = sent.iter().all(|it| matches!(it.state, SentState::Delivered(_)));
    let is_read = readable(&outbox, unread) == ExitCode::DONE;
    Ok(if all_went && held.is_empty() && is_read { code } else { ExitCode::FAILED })
}

/// The configuration, where it names somebody.
fn named(environment: &Environment) -> Result<Config, Stop> {
    let config = read_config(environment)?;
    config.filter(|config| !config.notify.is_empty()).ok_or_else(|| {
        Stop::Usage("nobody is named under `notify` in the configuration".to_owned())
    })
}

fn deployment(environment: &Environment, config: &Config) -> DeploymentId {
    let state = StateFile::new(Paths::new(&environment.global.state)).read().ok();
    let told = environment.global.deployment.clone().map(DeploymentId::from);
    told.or_else(|| config.deployment.clone())
        .or_else(|| state.and_then(|loaded| loaded.state.deployment))
        .unwrap_or_else(|| DeploymentId::new("test"))
}
