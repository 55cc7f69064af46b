using GrainDb.Simulation.CommandLine;

return Commands.Execute(args, Console.Out, Console.Error);
