//! What can be done to instances, as a table: one entry an action. Its keys, its line in the
//! palette, the dialog that confirms it, its refusal where nothing may be changed, and its word on
//! the command line follow from the entry; what it does is one arm of `update::actions::act`.

use crossterm::event::KeyCode;

use super::keymap::key::{Key, char, key};
use super::{Counts, Scope};
use crate::fleet::{Hold, JobKind, Logs, Pull, Region, Restore};

/// What can be done to instances.
#[derive(Debug, Clone, PartialEq, strum::EnumIter)]
pub enum Action {
    /// Launch and deploy. Without counts: what the configuration says.
    Create(Option<Counts>),
    /// Launch and deploy so many more than there are: what an earlier create left open there goes
    /// first.
    More(Counts),
    /// Launch and deploy these besides whatever stands: nothing that an earlier create left open
    /// is completed.
    Add(Counts),
    /// Drop what earlier creates left open: what they made stays, the rest is not launched.
    Forget,
    /// Terminate, and remove the network of every region where nothing is left.
    Destroy,
    /// Launch a fresh instance for each, and terminate it once the fresh one is there.
    Retry,
    /// Stop a node's work in good order, as before an interruption. The instance goes on.
    Drain,
    /// See that the machine of this name runs: launch it, or start it.
    Up(String),
    /// Stop instances that can be started again: they keep their disks.
    Stop,
    /// Start instances that are stopped.
    Start,
    /// Reboot instances.
    Reboot,
    /// Keep machines from stopping by themselves, for so long.
    Awake(Hold),
    /// End the instances of machines, and launch others on the same disks.
    Recreate,
    /// Make snapshots of the volumes of these machines; without names, of the chosen ones.
    Snapshot {
        /// The machines.
        names: Vec<String>,
        /// Only where the schedule wants one by now.
        is_scheduled: bool,
    },
    /// Bring a machine back to a snapshot, a step of it.
    Restore(String, Restore),
    /// Delete what machines keep, of which each was shown: by its region and its id. Without any, what
    /// the chosen machines keep is shown first.
    Discard(Vec<(Region, String)>),
    /// Run this command on nodes, and show the answers side by side.
    Exec(String),
    /// Bring these files from nodes, into a folder each.
    Pull(Pull),
    /// Look closely at nodes, and show what is found side by side.
    Diagnose,
    /// Read logs of nodes, and show them side by side.
    Logs(Logs),
    /// Destroy everything of ours in the account.
    Nuke,
    /// Remove what is left of deployments that are gone.
    CleanUp,
    /// Write the state anew from what the tags tell.
    Recover,
}

/// What an action is aimed at, before it is known which rows those are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The marked rows, else the one under the cursor.
    Chosen,
    /// What is in the region of the row under the cursor.
    Region,
    /// The whole deployment.
    Deployment,
    /// The whole account.
    Account,
}

/// How an action is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// Not at all: it changes nothing that matters.
    Never,
    /// By yes or no where it is meant for several, else not at all.
    Several,
    /// By yes or no.
    Always,
    /// The more the damage, the more there is to type: one takes a yes, several their number, a
    /// deployment the word `all`, an account its number.
    ByDamage,
    /// By a dialog of its own, which asks for what is missing as well.
    OwnDialog,
}

/// What an action means for the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bill {
    /// It costs more from then on.
    Adds,
    /// It ends what costs.
    Frees,
    /// Nothing.
    Same,
}

/// One line of the table.
#[derive(Debug)]
pub struct ActionEntry {
    /// The word for it: where it is refused, and as a subcommand.
    pub verb: &'static str,
    /// The kind of the job that it starts, as which it is logged and asked about at quit.
    pub job: JobKind,
    /// What cannot be done where nothing may be changed; `None` for what is allowed there.
    pub refused: Option<&'static str>,
    /// Whether it is done over SSH: only what has an address is meant then.
    pub over_ssh: bool,
    /// How it is confirmed.
    pub confirm: Confirm,
    /// What it means for the bill.
    pub bill: Bill,
    /// The ways to ask for it in the dashboard; none for what the command line or another action
    /// starts.
    pub ways: &'static [Way],
}

/// A way to ask for an action.
#[derive(Debug)]
pub struct Way {
    /// What it is aimed at.
    pub aim: Aim,
    /// Its name in the palette and in the configuration's keymap.
    pub name: &'static str,
    /// Its keys, unless the configuration names others.
    pub(super) keys: &'static [Key],
    /// What it does, in the help.
    pub help: &'static str,
    /// The word in the footer; empty for none.
    pub hint: &'static str,
    /// The question. `{these}` is `this instance` or `these 3 instances`; `{region}`,
    /// `{deployment}`, `{account}` and `{command}` are what they say.
    pub question: &'static str,
    /// What goes with it.
    pub means: &'static str,
}

impl Action {
    /// Its line of the table.
    pub fn entry(&self) -> &'static ActionEntry {
        match self {
            Self::Create(_) => &CREATE,
            Self::More(_) | Self::Add(_) => &ADD,
            Self::Forget => &FORGET,
            Self::Destroy => &DESTROY,
            Self::Retry => &RETRY,
            Self::Drain => &DRAIN,
            Self::Up(_) => &UP,
            Self::Stop => &STOP,
            Self::Start => &START,
            Self::Reboot => &REBOOT,
            Self::Awake(_) => &AWAKE,
            Self::Recreate => &RECREATE,
            Self::Snapshot { .. } => &SNAPSHOT,
            Self::Restore(..) => &RESTORE,
            Self::Discard(_) => &DISCARD,
            Self::Exec(_) => &EXEC,
            Self::Pull(_) => &PULL,
            Self::Diagnose => &DIAGNOSE,
            Self::Logs(_) => &LOGS,
            Self::Nuke => &NUKE,
            Self::CleanUp => &CLEAN_UP,
            Self::Recover => &RECOVER,
        }
    }

    /// The way to ask for it with such an aim.
    pub fn way(&self, aim: Aim) -> Option<&'static Way> {
        self.entry().ways.iter().find(|way| way.aim == aim)
    }
}

impl Confirm {
    /// What confirms it for so many instances of a scope.
    pub fn by(self, scope: &Scope, count: usize) -> By {
        match (self, scope) {
            (Self::Never | Self::OwnDialog, _) => By::Nothing,
            (Self::Several, _) if count < 2 => By::Nothing,
            (Self::Several | Self::Always, _) => By::Yes,
            (Self::ByDamage, Scope::All) => By::Word("all".to_owned()),
            (Self::ByDamage, Scope::Account(account, _)) => By::Word(account.to_string()),
            (Self::ByDamage, _) if count < 2 => By::Yes,
            (Self::ByDamage, _) => By::Word(count.to_string()),
        }
    }
}

/// What confirms an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Nothing: it is done at once.
    Nothing,
    /// Yes.
    Yes,
    /// A word that has to be typed.
    Word(String),
}

static CREATE: ActionEntry = ActionEntry {
    verb: "create",
    job: JobKind::Create,
    refused: Some("nothing can be created"),
    over_ssh: false,
    confirm: Confirm::OwnDialog,
    bill: Bill::Adds,
    ways: &[Way {
        aim: Aim::Deployment,
        name: "create",
        keys: &[char('c')],
        help: "create instances",
        hint: "create",
        question: "Create instances?",
        means: "",
    }],
};

static ADD: ActionEntry = ActionEntry {
    verb: "create",
    job: JobKind::Create,
    refused: Some("nothing can be created"),
    over_ssh: false,
    confirm: Confirm::OwnDialog,
    bill: Bill::Adds,
    ways: &[],
};

static FORGET: ActionEntry = ActionEntry {
    verb: "forget",
    job: JobKind::Forget,
    refused: Some("nothing can be dropped"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Deployment,
        name: "forget",
        keys: &[char('F')],
        help: "drop the creates that were cut short",
        hint: "",
        question: "Drop what the creates of {deployment} that were cut short did not launch?",
        means: "What they made stays. The rest is not launched any more.",
    }],
};

static DESTROY: ActionEntry = ActionEntry {
    verb: "destroy",
    job: JobKind::Destroy,
    refused: Some("nothing can be destroyed"),
    over_ssh: false,
    confirm: Confirm::ByDamage,
    bill: Bill::Frees,
    ways: &[
        Way {
            aim: Aim::Chosen,
            name: "destroy",
            keys: &[char('d'), key(KeyCode::Delete)],
            help: "destroy the marked instances, else this one",
            hint: "destroy",
            question: "Destroy {these}?",
            means: "Disks are deleted too, unless they are kept. This cannot be undone.",
        },
        Way {
            aim: Aim::Region,
            name: "destroy-region",
            keys: &[char('R')],
            help: "destroy everything in this row's region",
            hint: "",
            question: "Destroy everything of {deployment} in {region}?",
            means: GONE,
        },
        Way {
            aim: Aim::Deployment,
            name: "destroy-all",
            keys: &[char('D')],
            help: "destroy the whole deployment",
            hint: "",
            question: "Destroy everything of {deployment} in all regions{account}?",
            means: GONE,
        },
    ],
};

const GONE: &str = "Networks and disks too, and what is found by its tags alone. No undo. The disks \
                    and addresses that machines keep stay.";

static RETRY: ActionEntry = ActionEntry {
    verb: "retry",
    job: JobKind::Create,
    refused: Some("nothing can be created"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Adds,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "retry",
        keys: &[char('f')],
        help: "replace the marked, else this one, by fresh ones",
        hint: "retry",
        question: "Launch a fresh instance for {these}?",
        means: "Each old one is destroyed, with its disk, once its fresh one is ready.",
    }],
};

static DRAIN: ActionEntry = ActionEntry {
    verb: "drain",
    job: JobKind::Drain,
    refused: Some("nothing can be drained"),
    over_ssh: true,
    confirm: Confirm::Always,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "drain",
        keys: &[],
        help: "drain Bacalhau on the marked nodes, else this one",
        hint: "",
        question: "Drain {these}?",
        means: "Bacalhau stops gracefully. The instance keeps running, and costs.",
    }],
};

static UP: ActionEntry = ActionEntry {
    verb: "up",
    job: JobKind::Create,
    refused: Some("nothing can be launched or started"),
    over_ssh: false,
    confirm: Confirm::Never,
    bill: Bill::Adds,
    ways: &[],
};

static STOP: ActionEntry = ActionEntry {
    verb: "stop",
    job: JobKind::Stop,
    refused: Some("nothing can be stopped"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Frees,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "stop",
        keys: &[char('p')],
        help: "stop the marked, else this one: disks stay",
        hint: "",
        question: "Stop {these}?",
        means: "Disks stay, and cost. The address goes, unless it is kept.",
    }],
};

static START: ActionEntry = ActionEntry {
    verb: "start",
    job: JobKind::Start,
    refused: Some("nothing can be started"),
    over_ssh: false,
    confirm: Confirm::Several,
    bill: Bill::Adds,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "start",
        keys: &[char('u')],
        help: "start the marked that are stopped, else this one",
        hint: "",
        question: "Start {these}?",
        means: "They are charged by the hour again.",
    }],
};

static REBOOT: ActionEntry = ActionEntry {
    verb: "reboot",
    job: JobKind::Reboot,
    refused: Some("nothing can be rebooted"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "reboot",
        keys: &[char('B')],
        help: "reboot the marked instances, else this one",
        hint: "",
        question: "Reboot {these}?",
        means: "What runs there is interrupted. Addresses and disks stay.",
    }],
};

static AWAKE: ActionEntry = ActionEntry {
    verb: "awake",
    job: JobKind::Exec,
    refused: Some("nothing is run"),
    over_ssh: true,
    confirm: Confirm::Never,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "awake",
        keys: &[],
        help: "keep the marked machines awake for 4 h, else this one",
        hint: "",
        question: "Keep {these} awake?",
        means: "",
    }],
};

static RECREATE: ActionEntry = ActionEntry {
    verb: "recreate",
    job: JobKind::Preflight,
    refused: Some("nothing can be recreated"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "recreate",
        keys: &[char('E')],
        help: "recreate the marked machines, else this one",
        hint: "",
        question: "Recreate {these}?",
        means: "The instance ends, and another one takes over what is kept. The rest is lost.",
    }],
};

static SNAPSHOT: ActionEntry = ActionEntry {
    verb: "snapshot",
    job: JobKind::Snapshot,
    refused: Some("nothing can be made"),
    over_ssh: false,
    confirm: Confirm::Never,
    bill: Bill::Adds,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "snapshot",
        keys: &[],
        help: "snapshot what the marked keep, else what this one keeps",
        hint: "",
        question: "Make snapshots of what is kept?",
        means: "",
    }],
};

static RESTORE: ActionEntry = ActionEntry {
    verb: "restore",
    job: JobKind::Restore,
    refused: Some("nothing can be made"),
    over_ssh: false,
    confirm: Confirm::Never,
    bill: Bill::Adds,
    ways: &[],
};

static DISCARD: ActionEntry = ActionEntry {
    verb: "discard",
    job: JobKind::Discard,
    refused: Some("nothing can be deleted"),
    over_ssh: false,
    confirm: Confirm::ByDamage,
    bill: Bill::Frees,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "discard",
        keys: &[],
        help: "delete what the marked keep, else what this one keeps",
        hint: "",
        question: "Delete what is kept, for good?",
        means: "Disks go with all that is on them, addresses to anybody. This cannot be undone.",
    }],
};

static EXEC: ActionEntry = ActionEntry {
    verb: "exec",
    job: JobKind::Exec,
    refused: Some("nothing is run"),
    over_ssh: true,
    confirm: Confirm::Several,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "exec",
        keys: &[char('!')],
        help: "run a command on the marked, else this one",
        hint: "run",
        question: "Run {command} on {these}?",
        means: "What it changes is lost with the instance.",
    }],
};

static PULL: ActionEntry = ActionEntry {
    verb: "pull",
    job: JobKind::Pull,
    refused: None,
    over_ssh: true,
    confirm: Confirm::Never,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "pull",
        keys: &[char('P')],
        help: "bring files from the marked, else from this one",
        hint: "",
        question: "Bring files from {these}?",
        means: "",
    }],
};

static DIAGNOSE: ActionEntry = ActionEntry {
    verb: "diagnose",
    job: JobKind::Diagnose,
    refused: None,
    over_ssh: true,
    confirm: Confirm::Never,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Chosen,
        name: "diagnose",
        keys: &[char('h')],
        help: "diagnose the marked nodes, else this one",
        hint: "",
        question: "Diagnose {these}?",
        means: "",
    }],
};

static LOGS: ActionEntry = ActionEntry {
    verb: "logs",
    job: JobKind::Logs,
    refused: None,
    over_ssh: true,
    confirm: Confirm::Never,
    bill: Bill::Same,
    ways: &[],
};

static NUKE: ActionEntry = ActionEntry {
    verb: "nuke",
    job: JobKind::Destroy,
    refused: Some("nothing can be destroyed"),
    over_ssh: false,
    confirm: Confirm::ByDamage,
    bill: Bill::Frees,
    ways: &[Way {
        aim: Aim::Account,
        name: "nuke",
        keys: &[char('X')],
        help: "destroy everything of spot-tui in this account",
        hint: "",
        question: "Destroy every deployment in all regions{account}?",
        means: GONE,
    }],
};

static CLEAN_UP: ActionEntry = ActionEntry {
    verb: "cleanup",
    job: JobKind::CleanUp,
    refused: Some("nothing can be removed"),
    over_ssh: false,
    confirm: Confirm::Always,
    bill: Bill::Frees,
    ways: &[Way {
        aim: Aim::Account,
        name: "cleanup",
        keys: &[char('U')],
        help: "clean up what deleted deployments left behind",
        hint: "",
        question: "Remove the networks and disks of deployments that have no instance any more?",
        means: "Running deployments keep theirs. This cannot be undone.",
    }],
};

static RECOVER: ActionEntry = ActionEntry {
    verb: "recover",
    job: JobKind::Survey,
    refused: Some("the state is not written"),
    over_ssh: false,
    confirm: Confirm::Never,
    bill: Bill::Same,
    ways: &[Way {
        aim: Aim::Deployment,
        name: "recover",
        keys: &[char('W')],
        help: "rebuild the state from the tags",
        hint: "",
        question: "Rebuild the state of {deployment} from the tags?",
        means: "",
    }],
};
