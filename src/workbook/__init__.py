"""The engine of the workbook."""
