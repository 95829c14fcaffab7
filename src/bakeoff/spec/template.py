"""The study file that ``bakeoff init`` writes for a newcomer to edit."""

from __future__ import annotations

TEMPLATE = """\
# A study asks one question after the other about a small neural network on your data.
# Edit this file, then:   bakeoff check FILE   shows the plan and trains nothing
#                         bakeoff run FILE     answers the questions
# Every key is explained in docs/study-file.md.

format = 1                    # version of this file format
name = "my-study"             # what the report calls it
data = "digits"               # digits, mnist, fashion-mnist, kmnist, or the path of your own data

# Where every stage starts from. What you leave out has Keras's default.
[base]
scale = "unit"                # none, unit (divide by the largest value), standard (mean 0, sd 1)
hidden = [32]                 # widths of the hidden layers; [] is a linear model
activation = "relu"
optimizer = "sgd"
learning_rate = 0.1
batch_size = 32
epochs = 20

# One question per stage. What a stage chooses is carried into the next one, where it competes.
[[stage]]
name = "hidden"
question = "How wide and how deep?"
vary.hidden = [[16], [32], [64], [32, 32]]

# `tune` gives each candidate its own best value first, so that the comparison is fair.
[[stage]]
name = "activation"
question = "Which activation is best, each at its own learning rate?"
vary.activation = ["sigmoid", "tanh", "relu"]
tune.learning_rate = [0.03, 0.1, 0.3]

# Full alternatives, where one candidate differs from another in more than one setting.
[[stage]]
name = "optimizer"
question = "Does another optimizer do better?"

[[stage.candidate]]
label = "momentum"
momentum = 0.9
learning_rate = 0.02

[[stage.candidate]]
label = "adam"
optimizer = "adam"
learning_rate = 0.003

# To fix a choice whatever the evidence says, add to its stage:   carry = { activation = "tanh" }
"""
