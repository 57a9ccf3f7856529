#!/usr/bin/env bash
# Every artefact of models/tiny, in order; the same seeds give the same artefacts (on the same library versions and CPU type).
set -euo pipefail
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1
python test_grammar.py
python export_grammar.py
TINY_GRAMMAR=draft python train_base.py --per_batch_mean
TINY_GRAMMAR=draft python train_base.py --resume --steps 450 --peak 0.4 --flat 0.2 --seed 2
python train_base.py --resume --steps 500 --peak 0.5 --flat 0.3 --seed 3
python train_guide.py --attribute positive
python train_guide.py --attribute formal
python train_guide.py --attribute concise
python train_reasoner.py --iterations 0
python train_reasoner.py --warm_from ../models/tiny/reasoner --iterations 150 --lr 8e-4 --seed 1
python train_reasoner.py --warm_from ../models/tiny/reasoner --iterations 100 --lr 5e-4 --seed 2 --threads 2
python test_rewards.py
python train_reward.py --reward sentiment
python train_reward.py --reward attributes
python train_steps.py
python check_folders.py
python evaluate.py
python evaluate_rewards.py
