//! The list `machines`: machines that stay, each by its name.

use std::collections::HashMap;

use super::aws::{Inherited, storage};
use super::complaint::{ComplaintSink, Position, quoted};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::market::lifetime;
use super::regions::{image, machine_type, merge_tags, region_code, zone};
use super::schema::{
    Filesystem, HomeVolume, IdleStop, Image, InstanceStore, MachineConfig, RegionConfig,
    UbuntuRelease,
};
use super::tree::{Node, Value};
use super::values::{ValueResult, Wrong, choice, price, text, whole};
use crate::fleet::{Lifecycle, MachineType, Region, Retention};

/// How a machine is written, for hints.
const FORM: &str = "write '- { name: dev, region: us-west-2, type: t3.medium }'";

/// What a one-time spot instance cannot do is what makes a machine: to be stopped.
const LIFECYCLE: [(&str, Lifecycle); 2] =
    [("persistent-spot", Lifecycle::PersistentSpot), ("on-demand", Lifecycle::OnDemand)];

/// How an instance gets a root that is kept.
const SWAP: [(&str, bool); 2] = [("stopped", false), ("running", true)];

/// EC2 User Guide, "Replace a root volume": virtualised types only.
fn is_metal(kind: &MachineType) -> bool {
    kind.as_str().contains(".metal")
}

/// Reads the list.
pub(super) fn read(
    node: Option<&Node>,
    inherited: &Inherited,
    sink: &mut ComplaintSink,
) -> Vec<MachineConfig> {
    let Some(node) = node else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let Wrong { found, .. } = Wrong::new(node, "");
        sink.add_with(node.at, format!("'machines' must be a list, found {found}"), FORM);
        return Vec::new();
    };
    let mut seen: HashMap<String, Position> = HashMap::new();
    let mut machines = Vec::new();
    for item in items {
        let Some(machine) = read_one(item, inherited, sink) else { continue };
        match seen.insert(machine.name.clone(), item.at) {
            None => machines.push(machine),
            Some(first) => sink.add_with(
                item.at,
                format!("duplicate machine {}", quoted(&machine.name)),
                format!("it is already at {first}"),
            ),
        }
    }
    machines
}

fn read_one(item: &Node, inherited: &Inherited, sink: &mut ComplaintSink) -> Option<MachineConfig> {
    let mut fields = Fields::of(Some(item), Section::Machine, "in 'machines'", sink);
    let name = fields.read("name", sink, name);
    let region = fields.read("region", sink, region_code);
    let kind = fields.read("type", sink, machine_type);
    let lacks_one = matches!(name, Reading::Absent)
        || matches!(region, Reading::Absent)
        || matches!(kind, Reading::Absent);
    let (name, region, kind) = (name.given(), region.given(), kind.given());
    let code = region.as_ref().map_or("us-west-2", Region::as_str).to_owned();
    let place = format!("in machine {}", quoted(name.as_deref().unwrap_or_default()));
    let zone = fields.read("zone", sink, |node| zone(node, &code)).given();
    let lifecycle = fields.read("lifecycle", sink, |node| choice(node, &LIFECYCLE));
    let lifecycle = lifecycle.or(Lifecycle::PersistentSpot);
    let limit = fields.read("spot_price_limit", sink, price).given();
    let image = fields.read("image", sink, image).or(Image::Ubuntu(UbuntuRelease::Noble));
    let disk = fields.read("instance_storage_gb", sink, storage);
    let keeps_root = fields.read("keep", sink, |node| choice(node, &[("root", true)])).or(false);
    let swap = fields.read("swap_root", sink, |node| choice(node, &SWAP));
    let (swap_at, swaps_running) = (fields.get("swap_root").map(|node| node.at), swap.or(false));
    if let (Some(at), true, Some(metal)) =
        (swap_at, swaps_running, kind.as_ref().filter(|kind| is_metal(kind)))
    {
        let text = format!("EC2 replaces no root of {metal} while it runs {place}");
        sink.add_with(at, text, "leave out swap_root");
    }
    let address = fields.read("address", sink, |node| choice(node, &[("keep", true)]));
    let home = read_home(fields.get("home"), &place, sink);
    let store = read_instance_store(fields.get("instance_store"), home.as_ref(), &place, sink);
    let idle = read_idle(fields.get("idle"), &place, sink);
    let snapshots = read_snapshots(fields.get("snapshots"), &place, sink);
    if let (Some((_, at)), false, None) = (&snapshots, keeps_root, &home) {
        let hint = "add 'home' or 'keep: root'";
        sink.add_with(*at, format!("there is no volume to have snapshots of {place}"), hint);
    }
    let tags = merge_tags(&mut fields, inherited, &place, sink);
    fields.finish(sink);
    let (Some(name), Some(region), Some(kind)) = (name, region, kind) else {
        if lacks_one {
            sink.add_with(item.at, "a machine needs a name, a region and a type", FORM);
        }
        return None;
    };
    Some(MachineConfig {
        name,
        place: RegionConfig {
            region,
            machine_types: vec![kind],
            requirements: None,
            availability_zones: zone.into_iter().collect(),
            image,
            lifecycle,
            instances_per_region: Some(1),
            spot_price_limit: limit.filter(|_| lifecycle != Lifecycle::OnDemand),
            instance_storage_gb: disk.or(inherited.instance_storage_gb),
            tags,
        },
        keeps_root,
        swaps_running,
        keeps_address: address.or(false),
        home,
        instance_store: store,
        idle,
        snapshots: snapshots.map(|(retention, _)| retention),
    })
}

/// Reads `home`; both the size and the place are needed.
fn read_home(node: Option<&Node>, place: &str, sink: &mut ComplaintSink) -> Option<HomeVolume> {
    let node = node?;
    let mut fields = Fields::of(Some(node), Section::Home, &format!("in 'home' {place}"), sink);
    let size = fields.read("size_gb", sink, |node| whole(node, 1..=LARGEST_VOLUME, ""));
    let mount = fields.read("mount", sink, mount);
    let swap_gb = fields.read("swap_gb", sink, |node| whole(node, 0..=LARGEST_SWAP, "")).or(0);
    let lacks_one = matches!(size, Reading::Absent) || matches!(mount, Reading::Absent);
    fields.finish(sink);
    let (Some(size_gb), Some(mount)) = (size.given(), mount.given()) else {
        if lacks_one {
            let hint = "write 'home: { size_gb: 100, mount: /home/ubuntu }'";
            sink.add_with(node.at, format!("home needs size_gb and mount {place}"), hint);
        }
        return None;
    };
    // The file system takes a part of it, and there is to be room for a home besides.
    let most = size_gb * 9 / 10;
    if swap_gb > most {
        let text =
            format!("a swap of {swap_gb} GiB does not fit on a home of {size_gb} GiB {place}");
        sink.add_with(node.at, text, format!("at most {most}: nine tenths of it"));
        return None;
    }
    Some(HomeVolume { size_gb, mount, swap_gb })
}

/// Reads `instance_store`; the place is needed. It may lie below that of the home volume, and hides
/// neither that nor the keys of somebody who logs in.
fn read_instance_store(
    node: Option<&Node>,
    home: Option<&HomeVolume>,
    place: &str,
    sink: &mut ComplaintSink,
) -> Option<InstanceStore> {
    let node = node?;
    let place = format!("in 'instance_store' {place}");
    let mut fields = Fields::of(Some(node), Section::InstanceStore, &place, sink);
    let path = fields.read("mount", sink, mount);
    let filesystem = fields.read("filesystem", sink, |node| choice(node, &Filesystem::WORDS));
    let filesystem = filesystem.or(Filesystem::Ext4);
    let is_absent = matches!(path, Reading::Absent);
    fields.finish(sink);
    let Some(mount) = path.given() else {
        if is_absent {
            let hint = "write 'instance_store: { mount: /scratch }'";
            sink.add_with(node.at, format!("instance_store needs mount {place}"), hint);
        }
        return None;
    };
    let hides = |path: &str| path == mount || path.starts_with(&format!("{mount}/"));
    let is_home = mount == "/root"
        || mount == "/home"
        || mount.strip_prefix("/home/").is_some_and(|user| !user.contains('/'));
    if is_home || home.is_some_and(|home| hides(&home.mount)) {
        let text = format!("{} hides who may log in, or the home volume, {place}", quoted(&mount));
        sink.add_with(node.at, text, "name a folder of its own, such as /scratch");
    }
    Some(InstanceStore { mount, filesystem })
}

/// Reads `idle`; the time is needed.
fn read_idle(node: Option<&Node>, place: &str, sink: &mut ComplaintSink) -> Option<IdleStop> {
    let node = node?;
    let mut fields = Fields::of(Some(node), Section::Idle, &format!("in 'idle' {place}"), sink);
    let after = fields.read("after", sink, lifetime);
    let below = fields.read("cpu_below", sink, |node| whole(node, 1..=100, "")).or(5);
    let lacks_one = matches!(after, Reading::Absent);
    fields.finish(sink);
    if lacks_one {
        let hint = "write 'idle: { after: 12h, cpu_below: 5 }'";
        sink.add_with(node.at, format!("idle needs after {place}"), hint);
    }
    Some(IdleStop { after: after.given()?, cpu_below: below })
}

/// Reads `snapshots`, and where it stands.
fn read_snapshots(
    node: Option<&Node>,
    place: &str,
    sink: &mut ComplaintSink,
) -> Option<(Retention, Position)> {
    let node = node?;
    let place = format!("in 'snapshots' {place}");
    let mut fields = Fields::of(Some(node), Section::Snapshots, &place, sink);
    let count = |node: &Node| whole(node, 0..=MOST_SNAPSHOTS, "");
    let daily = fields.read("daily", sink, count).or(7);
    let weekly = fields.read("weekly", sink, count).or(4);
    fields.finish(sink);
    Some((Retention { daily, weekly }, node.at))
}

/// So many of a kind are a year's.
const MOST_SNAPSHOTS: u32 = 366;
/// The largest gp3 volume, in GiB.
const LARGEST_VOLUME: u32 = 65536;
/// The largest swap file that anybody needs, in GiB.
const LARGEST_SWAP: u32 = 512;

/// A path in which nothing is special to a shell or to fstab; not the root itself, and nothing that
/// the system needs before other volumes are mounted.
fn mount(node: &Node) -> ValueResult<String> {
    const SYSTEM: [&str; 9] =
        ["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"];
    let right = "a path such as /home/ubuntu, of letters, digits, '-', '_', '.' and '/'";
    let is_path = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let part = |part: &str| !part.is_empty() && part != "." && part != "..";
        text.len() <= 200
            && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
            && text.chars().all(|c| plain(c) || c == '/')
            && !SYSTEM.iter().any(|it| text == *it || text.starts_with(&format!("{it}/")))
    };
    text(node, right, is_path).map(str::to_owned)
}

/// What nobody takes for an id or an address.
fn name(node: &Node) -> ValueResult<String> {
    let right = "up to 63 of a-z, 0-9 and '-', the first a letter, and not like an id";
    let is_name = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(plain)
            && !text.starts_with("i-")
    };
    text(node, right, is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::config::{Filesystem, InstanceStore, parse};
    use crate::fleet::Lifecycle;

    #[test]
    fn three_lines_are_enough_for_a_machine() {
        let text = "machines:\n  - name: dev\n    region: us-west-2\n    type: t3.large\n";
        let config = parse("config.yaml", text).unwrap();
        let machine = config.machine("dev").unwrap();
        assert_eq!(machine.place.machine_types, ["t3.large".into()]);
        assert_eq!(machine.place.lifecycle, Lifecycle::PersistentSpot);
        assert!(config.regions.is_empty() && config.spread().is_empty());
        assert!(config.names(&"us-west-2".into()));
    }

    #[test]
    fn a_swap_has_to_fit_on_its_home() {
        let home = |home: &str| {
            let text = format!(
                "machines: [{{ name: dev, region: us-west-2, type: t3.large, home: {home} }}]"
            );
            parse("config.yaml", &text).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(home("{ size_gb: 20, mount: /home/ubuntu, swap_gb: 18 }"), Ok(()));
        let why = home("{ size_gb: 20, mount: /home/ubuntu, swap_gb: 64 }").unwrap_err();
        assert!(why.contains("64 GiB does not fit on a home of 20 GiB"), "{why}");
    }

    #[test]
    fn a_machine_may_be_stopped_when_it_is_idle() {
        let machine = |idle: &str| {
            let text = format!(
                "machines: [{{ name: dev, region: us-west-2, type: t3.large, idle: {idle} }}]"
            );
            parse("config.yaml", &text)
        };
        let idle = machine("{ after: 12h }").unwrap().machine("dev").unwrap().idle.clone();
        let hours = jiff::SignedDuration::from_hours(12);
        assert_eq!(idle, Some(crate::config::IdleStop { after: hours, cpu_below: 5 }));
        let refused = |idle: &str| machine(idle).unwrap_err().to_string();
        assert!(refused("{ cpu_below: 3 }").contains("idle needs after"));
        assert!(refused("{ after: 1m }").contains("at least 10m"));
        assert!(refused("{ after: 1h, cpu_below: 101 }").contains("from 1 to 100"));
    }

    #[test]
    fn the_disks_of_a_type_are_mounted_where_they_hide_nothing() {
        let machine = |body: &str| {
            let text =
                format!("machines: [{{ name: dev, region: us-west-2, type: m5d.large, {body} }}]");
            parse("config.yaml", &text)
        };
        let store =
            |body: &str| machine(body).unwrap().machine("dev").unwrap().instance_store.clone();
        let told =
            |mount: &str, filesystem| Some(InstanceStore { mount: mount.to_owned(), filesystem });
        assert_eq!(
            store("instance_store: { mount: /scratch }"),
            told("/scratch", Filesystem::Ext4)
        );
        let below = "home: { size_gb: 9, mount: /home/me }, \
                     instance_store: { mount: /home/me/fast, filesystem: btrfs }";
        assert_eq!(store(below), told("/home/me/fast", Filesystem::Btrfs));
        let refused = |body: &str| machine(body).unwrap_err().to_string();
        for body in [
            "instance_store: { mount: /home/ubuntu }",
            "instance_store: { mount: /root }",
            "home: { size_gb: 9, mount: /data/lab/me }, instance_store: { mount: /data/lab }",
        ] {
            assert!(refused(body).contains("hides who may log in"), "{}", refused(body));
        }
        assert!(refused("instance_store: { filesystem: xfs }").contains("needs mount"));
        let word = refused("instance_store: { mount: /scratch, filesystem: ext3 }");
        assert!(word.contains("btrfs, ext4 or xfs"), "{word}");
    }

    #[test]
    fn what_cannot_be_a_machine_is_refused_with_its_place() {
        let refused = |text: &str| parse("config.yaml", text).unwrap_err().to_string();
        let machine = |body: &str| refused(&format!("machines: [{{ {body} }}]"));
        let whole = "region: us-west-2, type: t3.large";
        assert!(machine(&format!("name: i-dev, {whole}")).contains("not like an id"));
        assert!(
            machine(&format!("name: dev, lifecycle: spot, {whole}")).contains("persistent-spot")
        );
        assert!(machine("name: dev").contains("a machine needs a name, a region and a type"));
        let twice = format!("machines: [{{ name: a, {whole} }}, {{ name: a, {whole} }}]");
        assert!(refused(&twice).contains("duplicate machine 'a'"));
    }
}
