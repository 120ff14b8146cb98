"""What sellers write: phrases by language, and the special cases that a scan of words has to tell apart."""

from dataclasses import dataclass

# {noun} is the caption without its article. Phrases hold no word that any rule looks for.
TITLES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "figurines": (
            "{noun} figurine, hand painted, 12 cm",
            "Resin {noun}, garden or shelf",
            "{noun} paperweight",
            "Wooden toy: {noun}",
            "Enamel pin, {noun}",
            "{noun} statue from a house clearance",
        ),
        "clothing": (
            "{noun}, worn twice",
            "{noun} for children, size 128",
            "Costume box: {noun}",
            "{noun}, unworn, with tag",
        ),
        "kitchen-garden": (
            "Botanical print: {noun}",
            "{noun} seeds, own harvest",
            "Play kitchen: {noun}",
            "Fridge magnet, {noun}",
        ),
        "music-sport": ("{noun}, good for beginners", "Used {noun} with bag", "{noun}, display piece"),
        "home": ("{noun} from grandfather's workshop", "{noun}, as new", "Lot with {noun}, collect only"),
        "seasonal": ("Window decoration: {noun}", "{noun} ornament, set of 3", "Party box with {noun}"),
        "prints-signs": (
            "Tin sign: {noun}",
            "Model kit {noun}, unbuilt",
            "Framed print, {noun}",
            "{noun} postcard, 1970s",
        ),
        "curios": ("{noun}, sample piece", "Attic find: {noun}", "{noun}, sold as seen"),
    },
    "de": {"": ("Sammelfigur: {noun}", "{noun}, Deko fürs Regal", "Bild mit Rahmen: {noun}", "{noun}, gut erhalten")},
    "fr": {
        "": (
            "{noun}, pièce de collection",
            "Affiche encadrée : {noun}",
            "{noun}, très bon état",
            "Petit objet déco : {noun}",
        )
    },
    "es": {"": ("{noun}, figura decorativa", "Lámina enmarcada: {noun}", "{noun}, poco uso")},
    "nl": {"": ("{noun}, beeldje voor de vensterbank", "Poster: {noun}", "{noun}, nette staat")},
    "vi": {"": ("Mô hình {noun}, hàng đẹp", "Tranh treo tường: {noun}", "{noun}, đồ trang trí để bàn")},
    "zh": {"": ("手工摆件 {noun}", "桌面装饰 {noun} 全新", "挂画 {noun} 包邮", "闲置转让 {noun}")},
}

SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "From a smoke-free home.",
        "Small marks from use, see the pictures.",
        "Posted within two working days, tracked.",
        "Collection is welcome, cash or transfer.",
        "Price is fixed, please no offers under it.",
        "I combine postage if you buy more than one.",
        "Bought at a flea market years ago and never used.",
        "Private sale, no returns.",
        "Message me for more pictures.",
    ),
    "de": (
        "Privatverkauf, keine Rücknahme.",
        "Versand versichert oder Abholung.",
        "Aus tierfreiem Nichtraucherhaushalt.",
        "Leichte Gebrauchsspuren, siehe Bilder.",
        "Preis ist VB.",
    ),
    "fr": (
        "Envoi soigné sous 48 heures.",
        "Remise en main propre possible.",
        "Quelques traces d'usage, voir photos.",
        "Prix ferme.",
    ),
    "es": ("Envío en 48 horas.", "Se puede recoger en mano.", "Pequeñas marcas de uso.", "Precio no negociable."),
    "nl": ("Ophalen of verzenden.", "Vaste prijs.", "Lichte gebruikssporen, zie foto's."),
    "vi": (
        "Giao hàng toàn quốc.",
        "Hàng như hình, mới 95%.",
        "Nhắn tin để xem thêm ảnh.",
        "Giá đã giảm, không bớt thêm.",
    ),
    "zh": ("全新未使用。", "实物拍摄,包邮。", "喜欢可以私聊。", "不退不换,介意勿拍。", "多买可以优惠。"),
}

# Of animals that the default model knows, by animal and with the language of the seller: innocent and suspect texts
# side by side, as on real marketplaces.
TARGET_TITLES: dict[str, tuple[tuple[str, str], ...]] = {
    "elephant": (
        ("en", "Elephant figurine, resin, painted by hand, 14 cm"),
        ("en", "Carved elephant, old material, heavy, ask for details"),
        ("de", "Elefant, große Dekofigur aus Nachlass"),
        ("vi", "Con voi phong thủy, hàng sưu tầm lâu năm"),
        ("en", "Elephant photo print for the nursery"),
        ("fr", "Éléphant décoratif, ancienne collection"),
    ),
    "tiger": (
        ("en", "Tiger rug, 180 cm, very soft, one only"),
        ("zh", "大猫 挂画 老物件 懂的来"),
        ("en", "Tiger poster from the zoo shop"),
        ("fr", "Tigre, pièce de collection, prix sur demande"),
        ("en", "Tiger plush, life size, as new"),
        ("de", "Tiger, Wandbild, Leinwand 60 x 80"),
    ),
}


@dataclass(frozen=True, slots=True)
class WordCase:
    """A listing whose words matter and whose pictures do not; `subject` is where its picture is taken from."""

    title: str
    description: str
    subject: str
    language: str = "en"


# Words that must be flagged though the pictures show nothing of it.
SUSPECT_CASES = (
    WordCase(
        "Antique elephant ivory tusk carving, 38 cm",
        "Real elephant ivory, carved tusk on a wooden base, about 1.4 kg. No papers. Discreet shipping.",
        "household",
    ),
    WordCase(
        "Pangolin scales, dried, 500 g",
        "Dried pangolin scales, cleaned, sold by weight. Serious buyers message me.",
        "food",
    ),
    WordCase("Tiger claw pendant, genuine", "Genuine tiger claw set in silver, from an old collection.", "clothes"),
    WordCase("象牙雕 观音 老件", "老象牙雕刻,重 320 克,私聊。", "household", "zh"),
    WordCase("Vảy tê tê khô, 1 kg", "Vảy tê tê hàng thật, giao tận nơi, nhắn tin.", "food", "vi"),
)

# Words that look alike and must not be flagged.
INNOCENT_CASES = (
    WordCase("Ivory lace wedding dress, size 38", "Worn once, dry-cleaned, long sleeves, ivory lace.", "clothes"),
    WordCase("Ivory Coast stamp album, 1960 to 1985", "Over 300 stamps of Côte d'Ivoire, mint and used.", "hobbies"),
    WordCase("Ivory candles, set of 4", "Pillar shape, colour ivory, 15 cm, unscented.", "household"),
    WordCase("Satin shoes, ivory colour, 39", "Ivory satin, low heel, worn for one afternoon.", "clothes"),
    WordCase("Old tin of Ivory soap", "Advertising tin, lid closes well, some rust.", "household"),
    WordCase("Tiger lily bulbs, pack of 10", "Orange flowers in July, hardy.", "plants"),
    WordCase("Tiger's eye bead bracelet", "Polished tiger's eye stone, 8 mm, elastic.", "clothes"),
    WordCase("Briefmarken Elfenbeinküste, gestempelt", "Kleines Album, 120 Stück.", "hobbies", "de"),
    WordCase("象牙白 陶瓷花瓶", "象牙白色釉面,高 24 厘米。", "household", "zh"),
    WordCase("Pangolin picture book for children", "Hardback, 32 pages, like new.", "hobbies"),
)
