"""The pages that grading writes: a student's feedback, the class's overview, and what looks alike."""
