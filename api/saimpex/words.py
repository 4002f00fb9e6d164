"""What is said in the three languages of the desktop app: refusals by their codes, and welcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FRENCH: Mapping[str, str] = {
    "invalid_field": "Ce champ est incorrect.",
    "reference_missing": "Cet enregistrement n'existe pas ou a été supprimé.",
    "amount_not_positive": "Le montant doit être supérieur à zéro.",
    "too_many_decimals": "Le montant a trop de décimales.",
    "stock_insufficient": "Le stock est insuffisant.",
    "value_taken": "Cette valeur est déjà utilisée.",
    "wrong_credentials": "Identifiants incorrects.",
    "entry_unbalanced": "Les débits et les crédits sont différents.",
    "account_unknown": "Ce compte n'existe pas.",
    "party_role_missing": "Ce n'est pas un client ou un fournisseur.",
    "account_closed": "Ce compte est clôturé.",
    "coupon_refused": "Ce coupon n'est pas valable.",
    "currency_mismatch": "La devise est différente.",
    "file_too_large": "Le fichier est trop volumineux.",
    "file_type_refused": "Ce type de fichier n'est pas accepté.",
    "not_yours": "Cela appartient à quelqu'un d'autre, ou votre rôle ne le permet pas.",
    "period_closed": "Les livres de cette période sont clôturés.",
    "welcome": "Connexion réussie.",
}
_ARABIC: Mapping[str, str] = {
    "invalid_field": "هذا الحقل غير صحيح.",
    "reference_missing": "هذا السجل غير موجود أو تم حذفه.",
    "amount_not_positive": "يجب أن يكون المبلغ أكبر من صفر.",
    "too_many_decimals": "المبلغ يحتوي على منازل عشرية كثيرة.",
    "stock_insufficient": "المخزون غير كافٍ.",
    "value_taken": "هذه القيمة مستخدمة من قبل.",
    "wrong_credentials": "بيانات الدخول غير صحيحة.",
    "entry_unbalanced": "المدين والدائن غير متساويين.",
    "account_unknown": "هذا الحساب غير موجود.",
    "party_role_missing": "هذا ليس عميلاً أو مورداً.",
    "account_closed": "هذا الحساب مغلق.",
    "coupon_refused": "هذه القسيمة غير صالحة.",
    "currency_mismatch": "العملة مختلفة.",
    "file_too_large": "الملف كبير جداً.",
    "file_type_refused": "هذا النوع من الملفات غير مقبول.",
    "not_yours": "هذا يخص شخصاً آخر، أو أن دورك لا يسمح بذلك.",
    "period_closed": "دفاتر هذه الفترة مغلقة.",
    "welcome": "تم تسجيل الدخول بنجاح.",
}


def localized(code: str, texts: Sequence[str]) -> dict[str, list[str]]:
    """Texts by language. English says exactly what is wrong; the others, where they have no words for it, say it in English."""
    return {
        "message_en": list(texts),
        "message_fr": [_FRENCH[code]] if code in _FRENCH else list(texts),
        "message_ar": [_ARABIC[code]] if code in _ARABIC else list(texts),
    }
