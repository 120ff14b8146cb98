"""What a case file is made of: gathered part by part, worded, and packed. The way in is services.case_files."""
