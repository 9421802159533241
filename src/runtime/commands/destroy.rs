//! `destroy` and `retry`.

use std::collections::BTreeSet;

use crate::app::{Action, Command, Counts, Model, Scope, receipt};
use crate::cli;
use crate::fleet::{Instance, InstanceKey, Kept, Level, Pull, Region};
use crate::runtime::confirm;
use crate::runtime::environment::Environment;
use crate::runtime::exit_code::ExitCode;
use crate::runtime::recall::Want;
use crate::runtime::resolve::{self, Targets};
use crate::runtime::session::{Need, Session, Start};
use crate::runtime::stderr;
use crate::runtime::stop::Stop;
use crate::view::money::a_month;

/// `destroy`.
pub(in crate::runtime) async fn destroy(
    environment: &Environment,
    args: &cli::Destroy,
) -> Result<ExitCode, Stop> {
    if args.instances.is_empty() && args.region.is_empty() && !args.all {
        return Err(Stop::Usage("name instances, or --region REGION, or --all".to_owned()));
    }
    confirm::possible(args.yes, "destroy ends instances: without a terminal it needs --yes")?;
    // Who ends everything unasked has no use for a list: the destroy looks for itself.
    let need = if args.all && args.yes && args.pull.is_empty() {
        Need::Deployment
    } else {
        Need::Instances
    };
    let start = Start::changing(environment, Want::Destroy, need, args.json)?;
    Session::run(start, async |session| {
        if args.with_kept.is_some() {
            // What is to go may be of a machine that the configuration does not have any more.
            session.look_for_kept_everywhere().await?;
        }
        let model = session.model();
        let targets =
            resolve::targets(&model.fleet, model.account.as_ref(), args).map_err(Stop::Usage)?;
        // What stays, or goes, is said with what it costs.
        if session.model().fleet.kept().next().is_some() {
            session.ask_for_prices(Command::PriceFleet).await?;
        }
        let kept = kept(session.model(), args, &targets);
        let discards = args.with_kept.is_some();
        if let Some(count) = args.with_kept.filter(|count| *count != kept.len()) {
            let lines: Vec<&str> = kept.iter().map(|(_, line)| line.as_str()).collect();
            let (right, lines) = (kept.len(), lines.join("\n  "));
            let text = format!("--with-kept {count}: it is {right} that are kept\n  {lines}");
            return Err(Stop::Usage(text));
        }
        for (_, line) in &kept {
            let what = if discards { "goes" } else { "stays" };
            stderr::print(&format!("  {what}: {line}"));
        }
        let is_named = matches!(&targets, Targets::Instances(keys) if keys.is_empty());
        if !args.yes {
            confirm_destroy(session, &targets, kept.len(), discards).await?;
        }
        pull_first(session, args, &targets).await?;
        for scope in targets.scopes().into_iter().filter(|_| !is_named) {
            session.perform(Command::destroy(scope)).await?;
        }
        // Only what was named and counted before anything was destroyed.
        let named: Vec<(Region, String)> = kept.into_iter().map(|(named, _)| named).collect();
        if discards && !named.is_empty() {
            if session.verdict() == ExitCode::DONE {
                let discard = Action::Discard(named);
                session.perform(Command::Act(discard, Scope::Instances(Vec::new()))).await?;
            } else {
                let text = "what is kept was not deleted: not all went well before";
                session.print(Level::Warning, text);
            }
        }
        if let Some(receipt) = receipt(session.model()) {
            session.print(Level::Info, &receipt);
        }
        Ok(session.verdict())
    })
    .await
}

/// Brings from all that are about to be destroyed what is named. Where that fails nothing is destroyed:
/// what is not brought would be lost.
async fn pull_first(
    session: &mut Session,
    args: &cli::Destroy,
    targets: &Targets,
) -> Result<(), Stop> {
    let pull = Pull::here(args.pull.clone());
    if pull.paths.is_empty() {
        return Ok(());
    }
    if let Some(trouble) = pull.trouble() {
        return Err(Stop::Usage(trouble));
    }
    let rows = session.model().fleet.alive().filter(|row| is_meant(targets, row));
    let (reached, others): (Vec<&Instance>, Vec<&Instance>) =
        rows.partition(|row| row.address().is_some());
    if let Some(other) = others.first() {
        let text = format!("--pull: {} cannot be reached, so nothing is destroyed", other.label());
        return Err(Stop::Usage(text));
    }
    let keys: Vec<InstanceKey> = reached.iter().map(|row| row.key.clone()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    session.perform(Command::Act(Action::Pull(pull), Scope::Instances(keys))).await?;
    let (printer, model) = session.printer();
    printer.answers(model);
    if session.verdict() != ExitCode::DONE {
        let text = "not all of it could be brought, so nothing is destroyed: leave out --pull to \
                    destroy all the same";
        session.print(Level::Error, text);
        return Err(Stop::Left(ExitCode::FAILED));
    }
    Ok(())
}

/// Whether a destroy of these ends this instance.
fn is_meant(targets: &Targets, row: &Instance) -> bool {
    targets.scopes().iter().any(|scope| match scope {
        Scope::Instances(keys) => keys.contains(&row.key),
        Scope::Region(region) => *region == row.region,
        Scope::All | Scope::Account(..) => true,
    })
}

/// `retry`: a node that failed is never mended; a fresh instance takes its place once it is ready.
pub(in crate::runtime) async fn retry(
    environment: &Environment,
    args: &cli::Retry,
) -> Result<ExitCode, Stop> {
    confirm::possible(args.yes, "retry ends an instance: without a terminal it needs --yes")?;
    Session::run(
        Start::changing(environment, Want::Write, Need::Instances, args.json)?,
        async |session| {
            let fleet = &session.model().fleet;
            let key = resolve::instance(fleet, &args.instance).map_err(Stop::Usage)?;
            if !args.yes {
                confirm_retry(session, &key, args.end_first).await?;
            }
            if args.end_first {
                return end_first(session, key).await;
            }
            let tried =
                session.perform(Command::Act(Action::Retry, Scope::Instances(vec![key]))).await;
            let went_well = tried.is_ok() && session.verdict() == ExitCode::DONE;
            if !went_well && !session.model().is_kept_elsewhere() {
                let text =
                    "where there is no room for both, --end-first destroys the old one first";
                session.print(Level::Info, text);
            }
            tried?;
            Ok(session.verdict())
        },
    )
    .await
}

/// Asks in the order in which it is done.
async fn confirm_retry(
    session: &mut Session,
    key: &InstanceKey,
    is_ended_first: bool,
) -> Result<(), Stop> {
    if let Some(row) = session.model().fleet.get(key) {
        stderr::print(&format!("  {}  {}  {}", row.region, row.label(), row.phase));
    }
    let question = if is_ended_first {
        "Destroy this instance, and launch a fresh one in its region then?"
    } else {
        "Launch a fresh instance in its region, and destroy this one once that is ready?"
    };
    session.confirm(question, confirm::YES).await
}

/// `retry --end-first`: what can be asked before is asked before, then the old one goes.
async fn end_first(session: &mut Session, key: InstanceKey) -> Result<ExitCode, Stop> {
    let row = session.model().fleet.get(&key);
    let Some(region) = row.map(|row| row.region.clone()) else { return Ok(ExitCode::FAILED) };
    if row.is_some_and(|row| row.machine_name().is_some()) {
        let text = "a machine is not replaced: `recreate` launches it anew on what it keeps";
        return Err(Stop::Usage(text.to_owned()));
    }
    // By them the budget is judged.
    if session.model().config.as_ref().is_some_and(|config| config.budget.limits_money()) {
        session.perform(Command::PriceBudget).await?;
    }
    // The fresh one takes the old one's room: none more are asked for than there are.
    let none = Counts::from([(region.clone(), 0)]);
    let asked = session.perform(Command::Preflight(none, Some(key.clone()))).await;
    if asked.is_err() || session.verdict() != ExitCode::DONE {
        session.print(Level::Warning, "nothing was destroyed");
        asked?;
        return Ok(session.verdict());
    }
    session.perform(Command::destroy(Scope::Instances(vec![key]))).await?;
    if session.verdict() == ExitCode::DONE {
        let fresh = Action::Add(Counts::from([(region, 1)]));
        session.perform(Command::Act(fresh, Scope::All)).await?;
    }
    Ok(session.verdict())
}

/// What the machines keep that are to be destroyed: each by its region and id, and in words with what
/// it costs a month.
fn kept(model: &Model, args: &cli::Destroy, targets: &Targets) -> Vec<((Region, String), String)> {
    let doomed: BTreeSet<&str> =
        targets.instances(&model.fleet).filter_map(Instance::machine_name).collect();
    let is_meant = |region: &Region, it: &Kept| match targets {
        Targets::All => true,
        Targets::Regions(regions) => regions.contains(region),
        Targets::Instances(_) => {
            doomed.contains(it.machine.as_str()) || args.instances.contains(&it.machine)
        }
    };
    let kept = model.fleet.kept().filter(|(region, it)| is_meant(region, it));
    kept.map(|(region, it)| {
        let cost = a_month(it, &model.fleet.prices(region).list);
        ((region.clone(), it.id.clone()), format!("{}  {} {it}, {cost}", region, it.machine))
    })
    .collect()
}

/// Names what will go and asks: one by `y`, several by their count, everything by `all`.
async fn confirm_destroy(
    session: &mut Session,
    targets: &Targets,
    kept: usize,
    discards: bool,
) -> Result<(), Stop> {
    let doomed: Vec<_> = targets.instances(&session.model().fleet).collect();
    for instance in &doomed {
        stderr::print(&format!("  {}  {}  {}", instance.region, instance.label(), instance.phase));
    }
    let count = doomed.len();
    if discards && kept > 0 {
        let question = format!("Delete the {kept} that are kept, for good?");
        session.confirm(&question, &kept.to_string()).await?;
        if count == 0 {
            return Ok(());
        }
    }
    match targets {
        Targets::All => session.confirm("Destroy everything of this deployment?", "all").await,
        _ if count == 1 => session.confirm("Destroy this instance?", confirm::YES).await,
        _ => {
            session.confirm(&format!("Destroy these {count} instances?"), &count.to_string()).await
        }
    }
}
