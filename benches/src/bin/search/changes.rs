//! The changes of the benchmark: the same on every run, made of their number.

use benches::Random;
use model::{
    Actor, ActorKind, Change, ChangeStatus, Event, EventEnvelope, EventId, LogPosition, NewEvent,
    Occurred, SourceKey, SourceName, SourceRef, Timestamp,
};

use crate::YEAR_SECONDS;

const WORDS: f64 = 50_000.0;
const ITEMS: usize = 20_000;

pub(crate) const KINDS: [&str; 5] = [
    "deployment",
    "configuration",
    "flag",
    "database",
    "infrastructure",
];
pub(crate) const ENVIRONMENTS: [&str; 4] = ["prod", "pre", "uat", "fat"];
pub(crate) const CHINESE: [&str; 24] = [
    "支付",
    "服务",
    "数据库",
    "扩容",
    "回滚",
    "发布",
    "配置",
    "变更",
    "网关",
    "缓存",
    "集群",
    "切换",
    "升级",
    "灰度",
    "流量",
    "订单",
    "库存",
    "用户",
    "登录",
    "机房",
    "交换机",
    "证书",
    "索引",
    "迁移",
];

/// A word by Zipf's law: the first is in most texts, most are in few.
pub(crate) fn word(random: &mut Random) -> String {
    let share = random.below(1 << 20) as f64 / f64::from(1 << 20);
    format!("w{}", WORDS.powf(share) as u64)
}

fn text(random: &mut Random, words: usize) -> String {
    let words: Vec<String> = (0..words).map(|_| word(random)).collect();
    words.join(" ")
}

pub(crate) fn chinese(random: &mut Random, words: usize) -> String {
    (0..words).map(|_| pick(random, &CHINESE)).collect()
}

fn change(number: u64, changes: u64) -> Change {
    let mut random = Random::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut change = Change::new(&SourceRef {
        source: SourceName::new("bench"),
        source_id: format!("run{number}"),
    });
    let is_chinese = number.is_multiple_of(10);
    let (title, description) = if is_chinese {
        (chinese(&mut random, 4), chinese(&mut random, 20))
    } else {
        (text(&mut random, 6), text(&mut random, 24))
    };
    change.title = Some(title);
    change.description = Some(description);
    change.targets = vec![SourceKey::text(format!(
        "service:prod/s{}",
        random.below(ITEMS)
    ))];
    change.kind = Some(pick(&mut random, &KINDS));
    change.environment = Some(pick(&mut random, &ENVIRONMENTS));
    change.operator = Some(Actor {
        kind: ActorKind::Human,
        name: Some(format!("person{}", random.below(500))),
    });
    change.status = Some(ChangeStatus::Succeeded);
    let start = (u128::from(number) * u128::from(YEAR_SECONDS) / u128::from(changes)) as u64;
    change.started_at = Some(moment(start));
    change.finished_at = Some(moment(start + 60));
    change
}

pub(crate) fn event(number: u64, changes: u64) -> NewEvent {
    let change = change(number, changes);
    NewEvent {
        id: EventId {
            source: SourceName::new("bench"),
            delivery: number.to_string(),
        },
        occurred: Occurred::Stated(change.started_at.unwrap_or(moment(0))),
        actor: Actor::default(),
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

pub(crate) fn envelope(number: u64, changes: u64) -> EventEnvelope {
    let event = event(number, changes);
    EventEnvelope {
        position: LogPosition::new(number),
        recorded_at: event.occurred.at(),
        id: event.id,
        occurred_at: event.occurred.at(),
        actor: event.actor,
        event: event.event,
    }
}

pub(crate) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(seconds as i64 * 1_000)
}

pub(crate) fn pick(random: &mut Random, words: &[&str]) -> String {
    let place = random.below(words.len());
    words.get(place).copied().unwrap_or_default().to_owned()
}
