"""A picture to try, and a model to train."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import ValidationError

from webapp.services.trials import UPLOAD_BYTES

MEGABYTES = UPLOAD_BYTES // 1024**2
TOO_LARGE = f"The file is larger than {MEGABYTES} MB: choose a smaller copy."


class TryForm(FlaskForm):  # type: ignore[misc]
    picture = FileField("Picture", [FileRequired("Choose a picture first.")], render_kw={"accept": "image/*"})

    def validate_picture(self, field: FileField) -> None:
        if not field.data.stream.read(1):
            raise ValidationError("The file is empty: choose another.")
        field.data.stream.seek(0)
