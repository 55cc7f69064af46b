namespace GrainDb.Engine.Wal;

/// <summary>The log as it was when a checkpoint began.</summary>
/// <param name="Installs">Snapshots installed until then: one more, and the checkpoint is of a state that is gone.</param>
/// <param name="Mark">The log's byte count.</param>
internal readonly record struct CheckpointOrigin(int Installs, long Mark);
