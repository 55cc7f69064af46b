namespace GrainDb.Simulation.Eventual;

/// <summary>Courses of events that chance alone finds too rarely; each is the way in which one error shows.</summary>
internal enum EventualCourse
{
    /// <summary>None: chance.</summary>
    None,

    /// <summary>What two of three hold is held by one when another has lost its disk, and that one cannot be reached: the one that began again must not speak for it.</summary>
    LostWitness,

    /// <summary>A coordinator that reached nobody but those who keep hints loses its disk.</summary>
    LostCoordinator,

    /// <summary>A partition moves; before the move ends only replicas that leave, or are not reached afterwards, can be written to.</summary>
    CutOffMove,

    /// <summary>Messages are late, and everybody wants the same keys.</summary>
    Crowd,

    /// <summary>The same, and keys are deleted and forgotten all the while.</summary>
    Forgetting,

    /// <summary>All machines stop at once, again and again.</summary>
    PowerLoss,
}
