//! What machines keep: volumes, snapshots and an address, and the instance that has them stopped, started
//! and ended. As far as moto goes: it knows no lag, no zone of a volume, and starts without a root.

use spot_tui::aws::NewVolume;
use spot_tui::fleet::{InstanceId, Kept, KeptKind};

use super::*;

fn tags_of(kind: KeptKind) -> BTreeMap<String, String> {
    let token = format!("spot-test-{}", kind.word());
    origin().kept_tags(&REGION.into(), &token.into(), "dev", kind)
}

/// What is kept, by its kind's word: its id, and who has it.
async fn kept(ec2: &Ec2) -> BTreeMap<&'static str, (String, Option<InstanceId>)> {
    let kept = spawnable(ec2.kept(&Selector::deployment(&deployment()))).await.unwrap();
    let told = |it: Kept| {
        assert_eq!(it.machine, "dev");
        (it.kind.word(), (it.id, it.instance))
    };
    kept.into_iter().map(told).collect()
}

async fn state(ec2: &Ec2, id: &InstanceId) -> Ec2State {
    spawnable(ec2.standing(id)).await.unwrap().unwrap().seen.state
}

#[tokio::test]
async fn what_a_machine_keeps_outlives_its_stops_and_its_end() {
    let world = World::start().await;
    let ready = world.ensure(&dedicated()).await.unwrap();
    let machine = world.launch(&ready, 1).await.remove(0);
    let (ec2, id) = (world.ec2(), machine.id.clone());
    let new = NewVolume {
        token: "spot-test-home".into(),
        zone: machine.zone.clone(),
        gib: 20,
        snapshot: None,
        tags: tags_of(KeptKind::Home),
    };
    let home = ec2.create_volume(&new).await.unwrap();
    let address = ec2.allocate_address(&tags_of(KeptKind::Address)).await.unwrap();
    ec2.attach_volume(&home, &id, "/dev/sdf").await.unwrap();
    ec2.associate_address(&address, &id).await.unwrap();
    let mine = Some(id.clone());
    let has = BTreeMap::from([
        ("home", (home.clone(), mine.clone())),
        ("address", (address.clone(), mine)),
    ]);
    assert_eq!(kept(&ec2).await, has);

    for (_, stopped) in ec2.stop(std::slice::from_ref(&id)).await {
        stopped.unwrap();
    }
    assert_eq!(state(&ec2, &id).await, Ec2State::Stopped);
    assert_eq!(kept(&ec2).await["home"], has["home"], "a volume stays on it");
    ec2.detach_volume(&home, &id).await.unwrap();
    assert_eq!(kept(&ec2).await["home"].1, None);
    ec2.attach_volume(&home, &id, "/dev/sdf").await.unwrap();
    ec2.start(&id).await.unwrap();
    assert_eq!(state(&ec2, &id).await, Ec2State::Running);

    world.end(&[machine]).await;
    let left = kept(&ec2).await;
    assert_eq!(left["home"], (home.clone(), None), "it is attached later: it stays");
    assert_eq!(left["address"].0, address);
    for (kind, id) in [(Kind::Volume, &home), (Kind::Address, &address)] {
        ec2.delete(kind, id).await.unwrap();
    }
    assert_eq!(kept(&ec2).await, BTreeMap::new());
}

#[tokio::test]
async fn a_volume_is_made_of_a_snapshot_that_is_found_among_everybodys() {
    let world = World::start().await;
    let ec2 = world.ec2();
    let zone = ec2.zones().await.unwrap().remove(0);
    let volume = |token: &str, snapshot: Option<String>| NewVolume {
        token: token.into(),
        zone: zone.clone(),
        gib: 20,
        snapshot,
        tags: tags_of(KeptKind::Home),
    };
    let first = ec2.create_volume(&volume("spot-test-1", None)).await.unwrap();
    let mut tags = tags_of(KeptKind::Snapshot);
    tags.insert(spot_tui::fleet::tags::SNAPSHOT_OF.into(), KeptKind::Home.word().into());
    let snapshot = ec2.create_snapshot(&first, &tags).await.unwrap();
    assert_eq!(kept(&ec2).await["snapshot"].0, snapshot, "and none of Amazon's");
    ec2.delete(Kind::Volume, &first).await.unwrap();
    let second = ec2.create_volume(&volume("spot-test-2", Some(snapshot.clone()))).await.unwrap();
    assert_eq!(kept(&ec2).await["home"].0, second);
    ec2.delete(Kind::Snapshot, &snapshot).await.unwrap();
    assert_eq!(kept(&ec2).await.keys().copied().collect::<Vec<_>>(), ["home"]);
    let call = &world.proxy.calls_of("DescribeSnapshots")[0];
    assert_eq!(call.parameter("Owner.1"), Some("self"));
}
