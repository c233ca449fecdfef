//! The words the language model knows beside the prompt's, by script. Sections are none of those that are built in.

/// What it can say in one script.
pub struct Lexicon {
    pub sections: Vec<(&'static str, Vec<&'static str>)>,
    /// How a word of the prompt stands with a value.
    pub join: &'static str,
    /// Whether words stand apart.
    pub is_spaced: bool,
}

/// By the script most of the prompt is written in.
pub fn of_script(text: &str) -> Lexicon {
    let count = |is: fn(char) -> bool| text.chars().filter(|letter| is(*letter)).count();
    let kana = count(|letter| matches!(letter, '\u{3040}'..='\u{30ff}'));
    let han = count(|letter| matches!(letter, '\u{3400}'..='\u{9fff}'));
    let arabic = count(|letter| matches!(letter, '\u{600}'..='\u{6ff}'));
    let cyrillic = count(|letter| matches!(letter, '\u{400}'..='\u{4ff}'));
    let most = arabic.max(cyrillic).max(count(|letter| letter.is_ascii_alphabetic()) / 2);
    if kana > 0 && kana + han >= most {
        Lexicon::of(JAPANESE, "{value}の{word}", false)
    } else if han > 0 && han >= most {
        Lexicon::of(CHINESE, "{value}的{word}", false)
    } else if arabic > 0 && arabic == most {
        Lexicon::of(ARABIC, "{word} {value}", true)
    } else if cyrillic > 0 && cyrillic == most {
        Lexicon::of(CYRILLIC, "{value}, {word}", true)
    } else {
        Lexicon::of(LATIN, "{value} {word}", true)
    }
}

impl Lexicon {
    fn of(text: &'static str, join: &'static str, is_spaced: bool) -> Self {
        let section = |line: &'static str| {
            let (name, values) = line.split_once(" | ").unwrap_or((line, ""));
            (name, values.split(" | ").collect())
        };
        Self { sections: text.lines().map(section).collect(), join, is_spaced }
    }
}

// A line is a section: its name, then its twelve values.
const LATIN: &str = "\
Foreground | frosted | mossy | rain-wet | sunlit | tall grass | fallen petals | broken ice | loose gravel | low mist | bare branches | a still puddle | scattered feathers
Atmosphere | hushed | electric | dreamlike | weightless | smoky | crisp | humid haze | drifting pollen | salt air | first snow | embers in the dark | the calm after rain
Edges | soft | crisp | torn | glowing | inked outlines | feathered into dark | frayed cloth | chipped enamel | a thin rim of light | melting | sharp as glass | lost in fog
Gesture | leaping | listening | half-turned | resting | reaching up | looking back | mid-stride | curled asleep | about to speak | shielding its eyes | drinking | balancing
Surface | velvet | cracked | gilded | dew-covered | brushed steel | worn leather | wet slate | powdered sugar | mother of pearl | rusted iron | polished oak | thin ice
Echoes | mirrored | repeated | shadowed | rippling | footprints behind | a second moon | the same shape in clouds | a reflection that differs | rings on water | a faint double exposure | matching windows | a trail of light
Companions | watchful | tiny | ghostly | bright | a circling crow | fireflies | a paper boat | one red kite | a sleeping dog | strangers far away | a lantern bearer | koi below the surface
Sky | bruised | cloudless | star-filled | copper | torn clouds | a thin crescent moon | aurora curtains | birds in a long line | contrails | a wall of storm | pale gradient | falling ash";

const CYRILLIC: &str = "\
Передний план | иней | мокрый мох | высокая трава | опавшие лепестки | битый лёд | гравий | низкий туман | голые ветви | тихая лужа | разбросанные перья | следы на снегу | брызги воды
Атмосфера | тишина | сон наяву | дымка | морозная ясность | влажная мгла | солёный воздух | первый снег | угли в темноте | покой после дождя | предчувствие грозы | летящая пыльца | невесомость
Поверхность | бархат | позолота | роса | матовая сталь | потёртая кожа | мокрый сланец | перламутр | ржавое железо | полированный дуб | тонкий лёд | треснувшая эмаль | сахарная пудра
Жест | в прыжке | прислушиваясь | вполоборота | в покое | тянется вверх | оглядываясь | на бегу | свернувшись во сне | перед первым словом | прикрывая глаза | у воды | на краю
Небо | без облаков | полное звёзд | медное | рваные облака | тонкий месяц | северное сияние | клин птиц | стена грозы | бледный переход | падающий пепел | лунное гало | первые лучи
Спутники | ворон в кругу | светлячки | бумажный кораблик | красный змей | спящая собака | путники вдали | фонарщик | рыбы под водой | стая стрижей | старый сторож | белая кошка | тень без хозяина";

const CHINESE: &str = "\
前景 | 结霜 | 青苔 | 雨湿 | 阳光下 | 高草 | 落花 | 碎冰 | 碎石 | 低雾 | 枯枝 | 静水洼 | 散落的羽毛
氛围 | 寂静 | 梦幻 | 轻盈 | 烟雾 | 清冽 | 潮湿薄雾 | 海风 | 初雪 | 暗中余烬 | 雨后宁静 | 暴雨将至 | 花粉飞扬
质感 | 丝绒 | 鎏金 | 带露 | 拉丝钢 | 旧皮革 | 湿石板 | 珍珠母 | 锈铁 | 抛光橡木 | 薄冰 | 开裂釉面 | 糖霜
姿态 | 跃起 | 倾听 | 半转身 | 歇息 | 向上伸展 | 回眸 | 疾行 | 蜷睡 | 欲言又止 | 遮目 | 饮水 | 平衡
天空 | 无云 | 繁星 | 铜色 | 碎云 | 细月 | 极光 | 雁阵 | 风暴之墙 | 淡渐变 | 飘落的灰 | 月晕 | 第一缕光
陪伴 | 盘旋的乌鸦 | 萤火虫 | 纸船 | 红风筝 | 熟睡的狗 | 远处行人 | 提灯人 | 水下锦鲤 | 雨燕成群 | 守夜人 | 白猫 | 无主的影子";

const JAPANESE: &str = "\
前景の要素 | 霜 | 苔むした石 | 雨に濡れた葉 | 陽だまり | 背の高い草 | 散った花びら | 割れた氷 | 砂利 | 低い霧 | 裸の枝 | 静かな水たまり | 散らばる羽
空気感 | 静けさ | 夢うつつ | 浮遊感 | 煙るような | 澄んだ | 湿った霞 | 潮の香り | 初雪 | 闇の残り火 | 雨上がり | 嵐の前 | 舞う花粉
肌ざわり | ビロード | 金箔 | 朝露 | 磨いた鋼 | 古い革 | 濡れた石板 | 真珠母 | 錆びた鉄 | 磨いた樫 | 薄氷 | ひび割れた釉薬 | 粉砂糖
しぐさ | 跳ねる | 耳をすます | 振り向く | 休む | 手を伸ばす | 見返る | 駆ける | 丸まって眠る | 言いかける | 目をおおう | 水を飲む | つり合う
そらもよう | 雲ひとつない | 満天の星 | 赤銅色 | ちぎれ雲 | 細い月 | オーロラ | 渡り鳥の列 | 嵐の壁 | 淡いグラデーション | 降る灰 | 月の暈 | 最初の光
ともだち | 輪を描くカラス | ほたる | 紙の舟 | 赤い凧 | 眠る犬 | 遠くの人影 | 提灯を持つ人 | 水の下の鯉 | つばめの群れ | 夜番 | 白いねこ | 主のない影";

const ARABIC: &str = "\
المقدمة | متجمد | مبلل | مشمس | هادئ | عشب طويل | بتلات متساقطة | جليد مكسور | حصى متناثر | ضباب منخفض | أغصان عارية | بركة ساكنة | ريش متناثر
الأجواء | ساكن | حالم | خفيف | صاف | ضباب رطب | هواء مالح | أول الثلج | جمر في الظلام | سكون بعد المطر | قبل العاصفة | غبار ذهبي | دخان بعيد
السطح | مخملي | مذهب | ندي | لامع | فولاذ مصقول | جلد قديم | حجر مبلل | صدف اللؤلؤ | حديد صدئ | خشب مصقول | جليد رقيق | خزف متشقق
الحركة والإيماءة | قافز | مصغ | ملتفت | مستريح | يمتد إلى الأعلى | ينظر إلى الخلف | في منتصف الخطوة | نائم ملتف | على وشك الكلام | يحجب عينيه | يشرب الماء | متوازن
السماء | نحاسي | مرصع | شاحب | عميق | بلا غيوم | مليئة بالنجوم | غيوم ممزقة | هلال رفيع | شفق قطبي | سرب طيور | جدار عاصفة | رماد متساقط
الرفاق | صغير | مراقب | شبحي | مضيء | غراب يحلق | يراعات | قارب ورقي | طائرة ورقية حمراء | كلب نائم | غرباء بعيدون | حامل الفانوس | أسماك تحت الماء";
