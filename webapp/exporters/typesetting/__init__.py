"""The PDF report: what it says as plain data, typeset by typst in processes of their own, bound by pikepdf."""
