#!/usr/bin/env bash
# A Slurm array that scores the shards of a plan. A task that is requeued continues where it was.
#
#   esmgo plan -i proteins.fasta -o job --rejects_ok
#   mkdir -p shards
#   array=$(sbatch --parsable --array=1-100 recipes/cluster/array.sh job shards)
#   sbatch --dependency=afterok:$array --wrap='esmgo merge -o out.tsv shards/*.shard'
#
# Further words are flags of esmgo predict, the same for all tasks. The plan is shared by all
# machines. --num_actors and the like are not needed: each task is one process.
#SBATCH --job-name=esmgo
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
job=$1 folder=$2
shift 2
number=$SLURM_ARRAY_TASK_ID of=$SLURM_ARRAY_TASK_COUNT
shard=$folder/$number.shard
if [ -e "$shard" ]; then # written before the requeue
  exit 0
fi
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
exec esmgo predict -i "$job" -o "$shard" --shard="$number/$of" --resume "$@"
