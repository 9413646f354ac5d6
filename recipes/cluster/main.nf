// Nextflow: plan, shards and merge. A shard that fails is tried again, from its beginning.
//
//   nextflow run recipes/cluster/main.nf --fasta proteins.fasta --output out.tsv --shards 100
//
// --flags are those of esmgo predict. A profile selects the executor, such as slurm. Paths of the
// FASTA file and of a checkpoint are absolute, since each task runs in a folder of its own.

params.fasta = null
params.output = 'out.tsv'
params.shards = 10
params.flags = ''

process PLAN {
    input:
    val fasta

    output:
    path 'job'

    script:
    "esmgo plan -i '$fasta' -o job --rejects_ok"
}

process SHARD {
    cpus 4
    memory '8 GB'
    errorStrategy 'retry'
    maxRetries 2

    input:
    path job
    each number

    output:
    path "${number}.shard"

    script:
    """
    OMP_NUM_THREADS=${task.cpus} esmgo predict -i '$job' -o ${number}.shard \
        --shard=${number}/${params.shards} ${params.flags}
    """
}

process MERGE {
    publishDir "${file(params.output).parent}", mode: 'copy'

    input:
    path shards

    output:
    path "${file(params.output).name}"

    script:
    "esmgo merge -o '${file(params.output).name}' $shards"
}

workflow {
    numbers = Channel.of(1..(params.shards as int))
    MERGE(SHARD(PLAN(file(params.fasta).toAbsolutePath().toString()), numbers).collect())
}
